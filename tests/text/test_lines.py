"""Laws of text on one line: no line break, no control character, no more than fits."""

import pytest

from mnist_sweep.text.lines import MAX_LENGTH, first_few, listed, one_line, printable, shortened


@pytest.mark.parametrize(
    ("value", "text"),
    [(ValueError("two\n  lines"), "two lines"), (" a\t\r\n b ", "a b"), ("a\u2028b", "a b"), ("", ""), (3, "3")],
)
def test_whitespace_becomes_single_spaces(value: object, text: str) -> None:
    assert one_line(value) == text


def test_what_does_not_print_is_escaped_and_the_rest_stays() -> None:
    assert printable("\x1b[31mé\n\udce9") == "\\x1b[31mé\\n\\udce9"


def test_long_text_is_cut_and_marked() -> None:
    assert shortened("a" * MAX_LENGTH) == "a" * MAX_LENGTH
    assert shortened("\n" * MAX_LENGTH + "b") == "\\n" * MAX_LENGTH + "…"


def test_lists_are_in_words() -> None:
    assert [listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])] == ["a", "a and b", "a, b and c"]


def test_a_long_list_ends_with_the_number_of_its_rest() -> None:
    assert [first_few("abc", number) for number in (1, 2, 3)] == ["a, 2 more", "a, b, 1 more", "a, b, c"]

"""Laws of what a notebook shows: everything is escaped, a long table is cut, and a plot is a small image of itself."""

import base64
import re
import xml.etree.ElementTree as ET

from markupsafe import Markup

from mnist_sweep.text.html_fragments import MAX_ROWS, curves, html_repr, strip, table


def drawing(image: str) -> ET.Element:
    """Return the SVG file in an image's address."""
    (source,) = re.findall(r'src="data:image/svg\+xml;base64,(.*?)"', image)
    return ET.fromstring(base64.b64decode(source))


def shapes(image: str, tag: str) -> list[ET.Element]:
    return drawing(image).findall(f"{{http://www.w3.org/2000/svg}}{tag}")


def test_sentences_columns_and_cells_are_escaped() -> None:
    page = html_repr(["<script>a & b</script>"], ["<b>"], [["<i>"], ["\x1b\u202e\ud800"]])
    assert "&lt;script&gt;a &amp; b&lt;/script&gt;" in page
    assert not [tag for tag in ("<script>", "<b>", "<i>") if tag in page]
    assert r"\x1b\u202e\ud800" in page


def test_numbers_are_short_and_unknown_ones_are_empty() -> None:
    page = html_repr([], ["mean"], [[0.97333333], [float("nan")], [None], [3]])
    assert re.findall("<td>(.*?)</td>", page) == ["0.9733", "", "", "3"]


def test_cells_of_markup_stay_as_they_are() -> None:
    assert "<td><img></td>" in table(["plot"], [[Markup("<img>")]])


def test_long_table_is_cut() -> None:
    page = table(["n"], [[number] for number in range(10 * MAX_ROWS)])
    assert page.count("<tr>") == MAX_ROWS + 2
    assert f"<td>{10 * MAX_ROWS - 1}</td>" in page


def test_lines_are_drawn_in_one_scale_and_the_last_one_on_top() -> None:
    image = curves([[(0, 0.5), (100, 1.0)], [(50, 0.5)]], 'a "title" & <more>')
    first, last = shapes(image, "polyline")
    (x0, y0), (x1, y1) = (map(float, point.split(",")) for point in first.attrib["points"].split())
    assert (x1 > x0, y1 < y0) == (True, True)
    assert last.attrib["points"] == f"{(x0 + x1) / 2:.1f},{y0:.1f}"
    assert first.attrib["stroke"] != last.attrib["stroke"]
    assert [text.text for text in shapes(image, "text")] == ["1", "0.5", "0", "100"]
    assert 'alt="a &#34;title&#34; &amp; &lt;more&gt;"' in image
    assert len(image) < 2000


def test_equal_values_and_a_single_point_can_be_drawn() -> None:
    assert len(shapes(curves([[(0, 0.5)]], "one"), "polyline")) == 1
    assert len(shapes(strip([0.5, 0.5], 0.5, 0.5, "equal"), "circle")) == 2


def test_dots_lie_between_the_ends_of_a_strip() -> None:
    places = [float(dot.attrib["cx"]) for dot in shapes(strip([0.1, 0.2, 0.4], 0.1, 0.4, "seeds"), "circle")]
    assert places == sorted(places)
    width = float(drawing(strip([0.1], 0.1, 0.4, "seeds")).attrib["width"])
    assert 0 < places[0] == width - places[-1]

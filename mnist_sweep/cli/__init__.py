"""The command line: each module holds a group of commands, which parse, call and print.

May import: everything else. Begin with `app`; `views` holds what is printed in a terminal.
"""

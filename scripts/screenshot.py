"""Turns the coloured output of a program into an SVG picture: `program | screenshot.py OUT.svg TITLE`.

Needs `rich` (`pip install rich`). The picture refers to nothing outside itself.
"""
import sys

from rich.console import Console
from rich.terminal_theme import DEFAULT_TERMINAL_THEME
from rich.text import Text

FORMAT = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width; }}
.{unique_id}-title {{ font-size: 18px; font-family: sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def main(path, title):
    text = sys.stdin.read()
    console = Console(record=True, width=106, file=open("/dev/null", "w"), force_terminal=True)
    console.print(Text.from_ansi(text), end="")
    console.save_svg(path, title=title, theme=DEFAULT_TERMINAL_THEME, code_format=FORMAT, unique_id="tagwerk")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])

from __future__ import annotations

import gzip
from pathlib import Path

from phantom_gateway.control.ui.files import UiFiles


def built(folder: Path) -> UiFiles:
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text('<html><head><base href="/ui/" /></head></html>')
    (folder / "assets" / "index-abc.js").write_text("let a = 1;" * 1000)
    (folder / "assets" / "font-abc.woff2").write_bytes(b"font" * 1000)
    (folder.parent / "secret.txt").write_text("outside")
    return UiFiles(folder)


def test_hashed_files_are_kept_and_compressed(tmp_path: Path) -> None:
    files = built(tmp_path / "dist")
    script = files.asset("assets/index-abc.js")
    assert script is not None
    assert script.kept
    assert script.compressed is not None
    assert gzip.decompress(script.compressed) == script.body
    assert files.asset("assets/index-abc.js") is script, "read once"
    font = files.asset("assets/font-abc.woff2")
    assert font is not None
    assert (font.content_type, font.compressed) == ("font/woff2", None)


def test_only_files_of_the_build_are_found(tmp_path: Path) -> None:
    files = built(tmp_path / "dist")
    for path in (
        "../secret.txt",
        "assets/../../secret.txt",
        "/etc/passwd",
        "assets",
        "assets/",
        "",
        "keys",
        "assets/index-abc.js/",
    ):
        assert files.asset(path) is None, path


def test_the_page_says_where_it_is(tmp_path: Path) -> None:
    files = built(tmp_path / "dist")
    assert b'<base href="/ui/" />' in files.page("").body
    assert b'<base href="/llm/gw/ui/" />' in files.page("/llm/gw").body
    assert b"<script" not in files.page('/"><script>').body
    assert not files.page("").kept


def test_without_a_build_the_page_says_how_to_make_one(tmp_path: Path) -> None:
    files = UiFiles(tmp_path / "nothing")
    assert not files.built
    assert b"make ui" in files.page("").body
    assert files.asset("assets/index-abc.js") is None

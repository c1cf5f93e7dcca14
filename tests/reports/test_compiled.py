"""Templates are compiled once for all environments, and each environment fills them with its own."""

import pytest
from jinja2 import DictLoader, Environment

from reports.compiled import Compiled


def test_a_text_is_compiled_once_whoever_fills_it_and_anew_when_it_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compiled: list[str] = []
    compile_source = Environment.compile

    def counted(self: Environment, source: str, *others: object, **more: object) -> object:
        compiled.append(source)
        return compile_source(self, source, *others, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(Environment, "compile", counted)
    kept, texts = Compiled(), {"page": "{% include 'part' %}!", "part": "{{ who }}"}

    def shown(who: str) -> str:
        environment = Environment(loader=DictLoader(texts), autoescape=True, bytecode_cache=kept)
        environment.globals["who"] = who
        return environment.get_template("page").render()

    assert [shown("a"), shown("<b>")] == ["a!", "&lt;b&gt;!"]
    assert sorted(compiled) == sorted(texts.values())
    texts["part"] = "new {{ who }}"
    assert shown("c") == "new c!"
    assert len(compiled) == 3

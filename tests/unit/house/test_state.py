"""No module holds state, and none turns data into code."""

from __future__ import annotations

import ast

import pytest
from tests.unit.house.tree import calls, imported, lines, modules

CONTAINERS = frozenset(
    {"list", "dict", "set", "bytearray", "deque", "defaultdict", "OrderedDict", "Counter", "WeakValueDictionary"}
)
CHANGING = frozenset(
    {"append", "extend", "insert", "add", "update", "setdefault", "pop", "popitem", "clear", "remove", "discard",
     "move_to_end", "appendleft", "popleft"}
)  # fmt: skip


def containers(tree: ast.Module) -> dict[str, int]:
    """Names at the top of a module that are bound to something that can change, and their lines."""
    found: dict[str, int] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets, value = [node.target], node.value
        else:
            continue
        literal = isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp)
        made = isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in CONTAINERS
        if literal or made:
            found |= {target.id: node.lineno for target in targets if isinstance(target, ast.Name)}
    return found


def changes(tree: ast.Module, names: set[str]) -> list[tuple[str, int]]:
    """Where a function changes one of ``names``; the top of the module may build them."""
    found = []
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        for node in ast.walk(function):
            changed: ast.expr | None = None
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGING:
                changed = node.func.value
            elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
                changed = node.value
            elif isinstance(node, ast.AugAssign):
                changed = node.target
            if isinstance(changed, ast.Name) and changed.id in names:
                found.append((changed.id, changed.lineno))
    return found


def test_no_module_has_a_global() -> None:
    found = [
        f"{path}:{node.lineno}"
        for path, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Global)
    ]
    assert not found, lines(found)


def test_tables_of_modules_are_constants() -> None:
    found = [
        f"{path}:{line}: {name} is not written as a constant"
        for path, tree in modules().items()
        for name, line in containers(tree).items()
        if not (name.isupper() or name == "__all__")
    ]
    found += [
        f"{path}:{line}: {name} is changed"
        for path, tree in modules().items()
        for name, line in changes(tree, set(containers(tree)))
    ]
    assert not found, lines(found)


def test_data_never_becomes_code() -> None:
    forbidden = {"eval", "exec", "compile", "__import__"}
    found = [
        f"{path}:{node.lineno}: {node.func.id}"
        for path, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in forbidden
    ]
    packages = {"pickle", "marshal", "shelve", "dill", "cloudpickle"}
    found += [
        f"{path}:{line}: {name}"
        for path, tree in modules().items()
        for name, line in imported(tree)
        if name.partition(".")[0] in packages
    ]
    unsafe = {"unsafe_load", "full_load", "load_all", "UnsafeLoader", "FullLoader"}
    found += [
        f"{path}:{line}: {name}" for path, tree in modules().items() for name, line in calls(tree) if name in unsafe
    ]
    assert not found, lines(found)


def test_yaml_is_only_composed() -> None:
    """``yaml.load`` builds objects; the loader reads nodes, with positions, and nothing else does."""
    users = {path for path, tree in modules().items() for name, _ in imported(tree) if name.partition(".")[0] == "yaml"}
    assert users == {"config/source.py"}
    names = {
        node.attr
        for node in ast.walk(modules()["config/source.py"])
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "yaml"
    }
    assert names.isdisjoint({"load", "safe_load", "full_load", "unsafe_load", "Loader", "FullLoader", "UnsafeLoader"})


@pytest.mark.parametrize(
    "text", ["X.append(1)", "X[1] = 2", "del X[1]", "X += [1]", "X.setdefault(1, 2)", "[X.pop() for _ in y]"]
)
def test_the_guard_sees_changes(text: str) -> None:
    tree = ast.parse(f"X = []\nX.append(0)\ndef f():\n    {text}\n")
    assert changes(tree, set(containers(tree))) == [("X", 4)]

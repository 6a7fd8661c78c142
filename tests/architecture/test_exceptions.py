"""Every exception of ours is a row of the registry, or stays inside the package that made it."""

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType

import bled
import bled_codec
from bled.errors import BledError
from bled_codec.errors import CodecError


def _modules() -> Iterator[ModuleType]:
    for package in (bled, bled_codec):
        yield package
        for info in pkgutil.walk_packages(package.__path__, prefix=f"{package.__name__}."):
            if not info.name.startswith("bled.node.stubs.") and not info.name.endswith("__main__"):
                yield importlib.import_module(info.name)


def _exceptions() -> Iterator[type[BaseException]]:
    for module in _modules():
        for _, kind in inspect.getmembers(module, inspect.isclass):
            if issubclass(kind, BaseException) and kind.__module__ == module.__name__:
                yield kind


def _package(module: str) -> str:
    """Return the part of bled that a module belongs to: `bled.grants` of `bled.grants.cbor`."""
    return ".".join(module.split(".")[:2])


def _handled(tree: ast.AST) -> Iterator[str]:
    """Yield the last word of the name of each exception that is caught in a tree."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and node.type is not None:
            yield from (name.id for name in ast.walk(node.type) if isinstance(name, ast.Name))
            yield from (name.attr for name in ast.walk(node.type) if isinstance(name, ast.Attribute))


def test_every_exception_has_a_row_or_is_caught_in_its_own_package(sources) -> None:
    caught: dict[str, set[str]] = {}
    for source in sources:
        caught.setdefault(_package(source.module), set()).update(_handled(source.tree))
    strays = [
        f"{kind.__module__}.{kind.__qualname__}"
        for kind in _exceptions()
        if not issubclass(kind, BledError | CodecError)
        and not {base.__name__ for base in kind.__mro__[:-3]} & caught[_package(kind.__module__)]
    ]
    assert strays == []


def test_an_exception_without_a_row_is_raised_in_its_own_package_alone(sources) -> None:
    private = {kind.__name__: kind for kind in _exceptions() if not issubclass(kind, BledError | CodecError)}
    found = [
        f"{source.name}:{node.lineno} raises {name.id}"
        for source in sources
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Raise) and node.exc is not None
        for name in ast.walk(node.exc)
        if isinstance(name, ast.Name)
        and name.id in private
        and _package(private[name.id].__module__) != _package(source.module)
    ]
    assert found == []

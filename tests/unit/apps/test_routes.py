"""From paths to the templates of their routes."""

from __future__ import annotations

import pytest
from fastapi import APIRouter, FastAPI
from stackwatch_instrumentation.routes import RouteTable
from starlette.applications import Starlette
from starlette.routing import Mount, Route


async def _nothing() -> None:
    return None


def _fastapi() -> FastAPI:
    inner = APIRouter(prefix="/inner")
    inner.add_api_route("/x/{y}", _nothing)
    outer = APIRouter(prefix="/v1/{tenant}")
    outer.add_api_route("/files/{rest:path}", _nothing)
    outer.include_router(inner)
    app = FastAPI()
    app.include_router(outer, prefix="/api")
    app.add_api_route("/users/me", _nothing)
    app.add_api_route("/users/{id}", _nothing)
    app.add_api_route("/users/{name}", _nothing, methods=["POST"])
    app.mount("/old/{site}", Starlette(routes=[Route("/page/{n:int}", _nothing)]))
    return app


@pytest.mark.parametrize(
    ("method", "path", "template"),
    [
        ("GET", "/users/7", "/users/:id"),
        ("GET", "/users/me", "/users/me"),
        ("POST", "/users/ann", "/users/:name"),
        ("DELETE", "/users/7", "/users/:id"),
        ("GET", "/api/v1/acme/files/a/b/c", "/api/v1/:tenant/files/:rest"),
        ("GET", "/api/v1/acme/inner/x/4", "/api/v1/:tenant/inner/x/:y"),
        ("GET", "/old/acme/page/4", "/old/:site/page/:n"),
        ("GET", "/old/acme/else", "/old/:site/*"),
        ("GET", "/wp-login.php", "unmatched"),
        ("GET", "/users/7/posts", "unmatched"),
        ("GET", "/", "unmatched"),
    ],
)
def test_a_path_becomes_the_template_of_its_route(method: str, path: str, template: str) -> None:
    assert RouteTable(_fastapi().routes).template(method, path) == template


def test_a_mount_without_routes_is_one_template() -> None:
    table = RouteTable([Mount("/static", app=_nothing)])  # type: ignore[arg-type]
    assert {table.template("GET", f"/static/{n}.js") for n in range(100)} == {"/static/*"}

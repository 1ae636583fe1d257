"""What is on the model server, what can be got, and what fits the server's machine."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from application import scopes
from domain.errors import NotFoundError
from interfaces import viewing
from interfaces.http.api.bodies import Pull
from interfaces.http.api.describing import long
from interfaces.http.api.requests import ServerOf, must_have, must_run
from interfaces.http.long_work import Report, Result, respond
from interfaces.http.rendering import JsonResponse
from interfaces.model_views import ModelListView, ModelView, RecommendationView

router = APIRouter(prefix="/models", tags=["models"])


@router.get("", operation_id="listModels", response_model=ModelListView)
async def list_models(server: ServerOf) -> Response:
    """List the models on the model server."""
    cards = sorted(await server.book.model_server.models(), key=lambda card: card.name)
    default = server.options.model
    return JsonResponse(ModelListView(models=[viewing.model(card, default=default) for card in cards]))


@router.get("/recommendation", operation_id="recommendModel", response_model=RecommendationView)
async def recommend_model(server: ServerOf) -> Response:
    """Say which size of DeepSeek-R1 fits the memory and disk of the machine this server runs on."""
    must_have(server, scopes.READ, "recommendation")
    recommend = server.options.recommend
    if recommend is None:
        raise NotFoundError("This server does not know its machine.", hint="daybook models recommend")
    return JsonResponse(viewing.recommendation(await asyncio.to_thread(recommend)))


@router.post(
    "/pull",
    operation_id="pullModel",
    response_model=ModelView,
    responses=long("The model, which is on the model server now.", "done", ModelView),
)
async def pull_model(request: Request, server: ServerOf, body: Pull | None = None) -> Response:
    """Get a model onto the model server; given up when the client leaves, and taken up by the next pull."""
    must_run(server)
    name = (body or Pull()).model or server.options.model

    async def pull(report: Report) -> Result:
        async for step in server.book.model_server.pull(name):
            report.step(
                status=step.status,
                digest=step.digest,
                total_bytes=step.total,
                completed_bytes=step.completed,
            )
        card = await server.book.model_server.show(name)
        return Result(viewing.model(card, default=server.options.model))

    return await respond(server, request, "pullModel", pull, reads=True)


@router.get("/{model:path}", operation_id="getModel", response_model=ModelView)
async def get_model(
    model: Annotated[str, Path(min_length=1, description="A model's name, slashes and all.")],
    server: ServerOf,
) -> Response:
    """Show one model."""
    card = await server.book.model_server.show(model)
    return JsonResponse(viewing.model(card, default=server.options.model))

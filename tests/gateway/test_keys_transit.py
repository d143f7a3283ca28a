"""The keeper that asks a key service: Vault's transit protocol, spoken by a server that holds the key."""

import base64
import hmac
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from gateway.keys import KeeperSettings, KeeperUnavailable, open_keeper

from .server import serving


class Transit:
    """encrypt, decrypt and hmac of one key, one by one and in batches."""

    def __init__(self) -> None:
        self._key = AESGCM(os.urandom(32))
        self.calls = 0
        self.newest = 1

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/v1/transit/{verb}/cloister", self.answer, methods=["POST"])])

    async def answer(self, request: Request) -> JSONResponse:
        self.calls += 1
        body, verb = await request.json(), request.path_params["verb"]
        work = {"encrypt": self.encrypt, "decrypt": self.decrypt, "hmac": self.hmac}[verb]
        if "batch_input" not in body:
            return JSONResponse({"data": work(body)})
        results = []
        for item in body["batch_input"]:
            try:
                results.append(work(item))
            except ValueError as error:
                results.append({"error": str(error)})
        return JSONResponse({"data": {"batch_results": results}})

    def encrypt(self, item: dict[str, Any]) -> dict[str, str]:
        nonce = os.urandom(12)
        plain, bound = (base64.b64decode(item[name]) for name in ("plaintext", "associated_data"))
        sealed = nonce + self._key.encrypt(nonce, plain, bound)
        return {"ciphertext": f"vault:v1:{base64.b64encode(sealed).decode()}"}

    def decrypt(self, item: dict[str, Any]) -> dict[str, str]:
        sealed = base64.b64decode(item["ciphertext"].removeprefix("vault:v1:"))
        bound = base64.b64decode(item["associated_data"])
        try:
            plain = self._key.decrypt(sealed[:12], sealed[12:], bound)
        except Exception as error:
            raise ValueError("cipher: message authentication failed") from error
        return {"plaintext": base64.b64encode(plain).decode()}

    def hmac(self, item: dict[str, Any]) -> dict[str, str]:
        version = item.get("key_version") or self.newest
        digest = hmac.digest(b"k%d" % version, base64.b64decode(item["input"]), sha256)
        return {"hmac": f"vault:v{version}:{base64.b64encode(digest).decode()}"}


async def test_many_keys_are_unwrapped_in_few_calls_and_in_order(tmp_path: Path) -> None:
    service = Transit()
    async with serving(service.app()) as address:
        keeper = open_keeper(settings(tmp_path, address))
        keys = {f"contact:{number}": os.urandom(32) for number in range(12)}
        wrapped = [(await keeper.wrap(key, subject), subject) for subject, key in keys.items()]
        before = service.calls
        assert await keeper.unwrap_many(wrapped) == list(keys.values())
        assert service.calls - before == 1
        assert await keeper.unwrap_many(wrapped[:1]) == list(keys.values())[:1]
        assert await keeper.unwrap_many([]) == []


async def test_a_key_of_somebody_else_among_many_opens_none(tmp_path: Path) -> None:
    async with serving(Transit().app()) as address:
        keeper = open_keeper(settings(tmp_path, address))
        wrapped = [
            (await keeper.wrap(os.urandom(32), f"contact:{number}"), f"contact:{number}") for number in (1, 2)
        ]
        with pytest.raises(KeeperUnavailable):
            await keeper.unwrap_many([wrapped[0], (wrapped[1][0], "contact:3")])


async def test_hashes_stay_when_the_key_is_rotated(tmp_path: Path) -> None:
    service = Transit()
    async with serving(service.app()) as address:
        before = await open_keeper(settings(tmp_path, address)).hash_key("tokens")
        service.newest = 2
        assert await open_keeper(settings(tmp_path, address)).hash_key("tokens") == before
        moved = settings(tmp_path, address).model_copy(update={"hash_version": 2})
        assert await open_keeper(moved).hash_key("tokens") != before


def settings(folder: Path, address: str) -> KeeperSettings:
    token = folder / "token"
    token.write_text("t")
    return KeeperSettings(kind="transit", address=address, token_file=token)

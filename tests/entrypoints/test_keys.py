"""The issuer's keys: how long they are kept, when they are fetched again, and what an issuer cannot do to us."""

from __future__ import annotations

import itertools
import json
import threading
import time
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from imagefactory.api.auth import jwks
from imagefactory.api.auth.jwks import JwksCache
from imagefactory.domain.errors import Unavailable
from tests.entrypoints.issuer import KEY_ID, Answer, Issuer, public_jwk

if TYPE_CHECKING:
    from collections.abc import Iterator

ANOTHER = rsa.generate_private_key(65537, 2048)


class Seconds:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as issuer:
        yield issuer


@pytest.fixture
def clock() -> Seconds:
    return Seconds()


@pytest.fixture
def known(issuer: Issuer, clock: Seconds) -> JwksCache:
    return JwksCache(issuer.jwks_url, clock)


def serve(issuer: Issuer, *key_ids: str, **headers: str) -> None:
    issuer.answer = Answer.of(*(public_jwk(issuer.key, key_id) for key_id in key_ids), **headers)


def fail(issuer: Issuer, status: int = 500) -> None:
    issuer.answer = Answer.of()
    issuer.answer.status = status


def test_keys_are_fetched_once_and_then_known(issuer: Issuer, known: JwksCache, clock: Seconds) -> None:
    first = known.key(KEY_ID)
    clock.now += jwks.DEFAULT_FRESH_SECONDS - 1
    again = known.key(KEY_ID)

    assert first is again is not None
    assert issuer.asked == ["/jwks.json"]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, jwks.DEFAULT_FRESH_SECONDS),
        ({"Cache_Control": "public, max-age=19845, must-revalidate, no-transform"}, 19845),
        ({"Cache_Control": "max-age=19845", "Age": "9845"}, 10_000),
        ({"Cache_Control": "max-age=19845", "Age": "-5"}, 19845),
        ({"Cache_Control": "max-age=600", "Age": "700"}, jwks.MIN_FRESH_SECONDS),
        ({"Cache_Control": 'private, MAX-AGE="700"'}, 700),
        ({"Cache_Control": "max-age=0"}, jwks.MIN_FRESH_SECONDS),
        ({"Cache_Control": "no-store, max-age=700"}, jwks.MIN_FRESH_SECONDS),
        ({"Cache_Control": "max-age=999999999"}, jwks.MAX_FRESH_SECONDS),
        ({"Cache_Control": "max-age=99999999999999999999"}, jwks.DEFAULT_FRESH_SECONDS),
        ({"Cache_Control": "max-age=soon"}, jwks.DEFAULT_FRESH_SECONDS),
        ({"Cache_Control": "s-maxage=700"}, jwks.DEFAULT_FRESH_SECONDS),
    ],
)
def test_keys_are_kept_as_long_as_the_answer_says_within_bounds(
    issuer: Issuer, known: JwksCache, clock: Seconds, headers: dict[str, str], seconds: int
) -> None:
    serve(issuer, KEY_ID, **headers)
    known.key(KEY_ID)

    clock.now += seconds - 1
    known.key(KEY_ID)
    before = len(issuer.asked)
    clock.now += 1
    known.key(KEY_ID)

    assert (before, len(issuer.asked)) == (1, 2)


def test_an_unknown_key_is_looked_for_at_the_issuer(issuer: Issuer, known: JwksCache, clock: Seconds) -> None:
    known.key(KEY_ID)
    serve(issuer, KEY_ID, "key-2")
    clock.now += jwks.PAUSE_SECONDS

    found = known.key("key-2")

    assert found is not None
    assert len(issuer.asked) == 2


def test_a_key_that_the_issuer_has_dropped_is_known_no_more(issuer: Issuer, known: JwksCache, clock: Seconds) -> None:
    known.key(KEY_ID)
    serve(issuer, "key-2")
    clock.now += jwks.DEFAULT_FRESH_SECONDS

    assert known.key(KEY_ID) is None


def test_any_number_of_unknown_keys_costs_one_fetch_in_a_while(
    issuer: Issuer, known: JwksCache, clock: Seconds
) -> None:
    known.key(KEY_ID)
    clock.now += jwks.PAUSE_SECONDS

    found = [known.key(f"unknown-{number}") for number in range(10_000)]

    assert set(found) == {None}
    assert len(issuer.asked) == 2
    clock.now += jwks.PAUSE_SECONDS
    known.key("one more")
    assert len(issuer.asked) == 3


def in_threads(known: JwksCache, key_ids: list[str]) -> list[object]:
    """What each of many threads gets: the key's id, None, or the error."""
    found: list[object] = []

    def ask(key_id: str) -> None:
        try:
            key = known.key(key_id)
            found.append(key and key.key_id)
        except Unavailable as error:
            found.append(type(error))

    threads = [threading.Thread(target=ask, args=(key_id,)) for key_id in key_ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_requests_that_come_together_share_one_fetch(issuer: Issuer, known: JwksCache) -> None:
    issuer.answer.open.clear()
    threading.Timer(0.3, issuer.answer.open.set).start()

    found = in_threads(known, [KEY_ID] * 30 + ["unknown"] * 10)

    assert found.count(KEY_ID) == 30
    assert found.count(None) == 10
    assert len(issuer.asked) == 1


def test_requests_that_come_together_share_one_failure(issuer: Issuer, known: JwksCache) -> None:
    fail(issuer)
    issuer.answer.open.clear()
    threading.Timer(0.3, issuer.answer.open.set).start()

    found = in_threads(known, [KEY_ID] * 30)

    assert found == [Unavailable] * 30
    assert len(issuer.asked) == 1


def test_nobody_whose_key_is_known_waits_for_an_issuer_that_hangs(
    issuer: Issuer, known: JwksCache, clock: Seconds
) -> None:
    known.key(KEY_ID)
    clock.now += jwks.DEFAULT_FRESH_SECONDS
    issuer.answer.open.clear()
    waiting = threading.Thread(target=known.key, args=("unknown",))
    waiting.start()
    while len(issuer.asked) < 2:
        time.sleep(0.01)

    found = known.key(KEY_ID)

    assert found is not None
    issuer.answer.open.set()
    waiting.join()


@pytest.mark.parametrize("status", [500, 404, 304])
def test_old_keys_are_used_on_while_the_issuer_fails_but_not_for_ever(
    issuer: Issuer, known: JwksCache, clock: Seconds, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    before = known.key(KEY_ID)
    fail(issuer, status)

    clock.now += jwks.DEFAULT_FRESH_SECONDS + jwks.STALE_SECONDS - 1
    during = known.key(KEY_ID)
    clock.now += 1

    assert during is before
    with pytest.raises(Unavailable):
        known.key(KEY_ID)
    first, *_ = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (first["severity"], first["message"]) == ("WARNING", "the issuer's keys cannot be fetched")


def test_a_key_that_old_keys_lack_may_be_a_new_one(issuer: Issuer, known: JwksCache, clock: Seconds) -> None:
    known.key(KEY_ID)
    fail(issuer)

    clock.now += jwks.PAUSE_SECONDS
    while_fresh = known.key("unknown")
    # To the second: the keys were fresh from their fetch on.
    clock.now += jwks.DEFAULT_FRESH_SECONDS - jwks.PAUSE_SECONDS

    assert while_fresh is None
    with pytest.raises(Unavailable):
        known.key("unknown")
    assert known.key(KEY_ID) is not None


def test_an_issuer_that_failed_is_asked_again_soon_but_not_at_once(
    issuer: Issuer, known: JwksCache, clock: Seconds
) -> None:
    fail(issuer)
    for _ in range(100):
        with pytest.raises(Unavailable):
            known.key(KEY_ID)
    asked_while_it_failed = len(issuer.asked)

    serve(issuer, KEY_ID)
    clock.now += jwks.RETRY_SECONDS

    assert known.key(KEY_ID) is not None
    assert asked_while_it_failed == 1


UNUSABLE = {
    "no JSON": b"<html>",
    "cut JSON": b'{"keys": [',
    "bytes that are no text": b"\xff\xfe\xff",
    "deep JSON": b"[" * 100_000,
    "a list": b"[]",
    "no keys": b"{}",
    "keys that are none": b'{"keys": {"a": 1}}',
    "an empty list": b'{"keys": []}',
    "odd entries": b'{"keys": [null, 7, "key-1", [], {}]}',
    "nothing": b"",
    "too much": b" " * (jwks.MAX_BYTES + 1),
}


@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in UNUSABLE.items()])
def test_an_answer_that_is_no_key_set_changes_nothing(
    issuer: Issuer, known: JwksCache, clock: Seconds, body: bytes
) -> None:
    before = known.key(KEY_ID)
    issuer.answer = Answer.of()
    issuer.answer.body = body
    clock.now += jwks.DEFAULT_FRESH_SECONDS

    assert known.key(KEY_ID) is before
    assert len(issuer.asked) == 2


def test_a_connection_that_breaks_is_a_failure(issuer: Issuer) -> None:
    # Port 9 is "discard": nothing listens there.
    nobody = JwksCache("http://127.0.0.1:9/jwks.json")
    issuer.answer.headers = {"Transfer-Encoding": "chunked"}

    for broken in (nobody, JwksCache(issuer.jwks_url)):
        with pytest.raises(Unavailable):
            broken.key(KEY_ID)


def test_an_issuer_that_drips_is_given_up(issuer: Issuer) -> None:
    ticking = itertools.count(step=jwks.FETCH_SECONDS + 1)

    known = JwksCache(issuer.jwks_url, lambda: float(next(ticking)))

    with pytest.raises(Unavailable):
        known.key(KEY_ID)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("place", ["{url}/elsewhere", "file:///etc/passwd", "ftp://127.0.0.1/keys"])
def test_no_redirect_is_followed(issuer: Issuer, known: JwksCache, status: int, place: str) -> None:
    issuer.answer.status = status
    issuer.answer.headers = {"Location": place.format(url=issuer.url)}

    with pytest.raises(Unavailable):
        known.key(KEY_ID)

    assert issuer.asked == ["/jwks.json"]


def jwk(**changes: Any) -> dict[str, Any]:
    """A usable key but for what is changed; a change to None leaves the member out."""
    return {name: value for name, value in (public_jwk(ANOTHER, "odd") | changes).items() if value is not None}


def elliptic() -> dict[str, Any]:
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    found: dict[str, Any] = jwt.algorithms.ECAlgorithm.to_jwk(public, as_dict=True)
    return found | {"kid": "odd"}


NOT_OURS = {
    "a secret": {"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", "kid": "odd", "alg": "HS256"},
    "a secret that calls itself RS256": {"kty": "oct", "k": "c2VjcmV0", "kid": "odd", "alg": "RS256", "use": "sig"},
    "an elliptic curve": elliptic(),
    "a key for encryption": jwk(use="enc"),
    "another algorithm": jwk(alg="RS512"),
    "an algorithm that is none": jwk(alg="none"),
    "an algorithm that is a number": jwk(alg=7),
    "no id": jwk(kid=None),
    "a number for an id": jwk(kid=7),
    "no modulus": jwk(n=None),
    "a modulus of nothing": jwk(n=""),
    "a modulus that is no text": jwk(n=12345),
    "an even exponent": jwk(e="Ag"),
    "a private key": jwt.algorithms.RSAAlgorithm.to_jwk(ANOTHER, as_dict=True) | {"kid": "odd"},
    "a short key": public_jwk(rsa.generate_private_key(65537, 1024), "odd"),  # noqa: S505 - the point of the case
    "a monstrous key": jwk(n="_" * 4000),
}


@pytest.mark.parametrize("entry", [pytest.param(entry, id=name) for name, entry in NOT_OURS.items()])
def test_a_key_that_is_not_for_signatures_of_ours_is_left_out(
    issuer: Issuer, known: JwksCache, entry: dict[str, Any]
) -> None:
    issuer.answer = Answer.of(entry, public_jwk(issuer.key))

    assert known.key("odd") is None
    assert known.key(KEY_ID) is not None


def test_a_key_need_not_say_what_it_is_for(issuer: Issuer, known: JwksCache) -> None:
    issuer.answer = Answer.of(jwk(alg=None, use=None))

    assert known.key("odd") is not None


def test_of_two_keys_with_one_id_the_first_counts(issuer: Issuer, known: JwksCache) -> None:
    issuer.answer = Answer.of(public_jwk(issuer.key), public_jwk(ANOTHER))

    key = known.key(KEY_ID)

    assert key is not None
    assert key.key.public_numbers() == issuer.key.public_key().public_numbers()

"""Readings over HTTP from a real server that behaves, misbehaves, hangs and drips."""

from __future__ import annotations

import gzip
import time

import pytest
import requests

from runbook_lib.command import MASK, Secret
from runbook_lib.config import Environment
from runbook_lib.probes import http
from runbook_lib.probes.http import Client, Reading, Route, names, places, readable, routes

NAMED = ("v1.4.2", "a" * 40)


def environment(**tables):
    git = {"path": "/srv/shop"}
    return Environment.model_validate({"platform": "git", "url": "http://127.0.0.1:1", "git": git, **tables})


def ask(application, path="/up", timeout=5.0, **route):
    return Client(timeout).ask(application.url, Route(path, path, **route))


# -- what an answer must be -----------------------------------------------------------------------------------------


def test_a_good_answer_is_a_good_reading(application):
    reading = ask(application)
    assert (reading.ok, reading.saw, reading.status, reading.place) == (True, "200", 200, application.url)


def test_another_status_is_bad_and_shows_the_body(application):
    application.answers["/ready"] = (503, "database: no connection")
    reading = ask(application, "/ready")
    assert not reading.ok
    assert reading.saw == "503 instead of 200: database: no connection"


def test_an_error_page_is_good_where_it_is_what_is_expected(application):
    application.answers["/shop"] = (503, "we will be back")
    assert ask(application, "/shop", status=503).ok


def test_a_missing_text_is_bad(application):
    application.answers["/"] = (200, "It works!")
    reading = ask(application, "/", contains="Welcome to the shop")
    assert not reading.ok
    assert "without 'Welcome to the shop'" in reading.saw


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_the_method_is_the_one_that_was_asked_for(application, method):
    assert ask(application, method=method).ok
    assert application.asked[0][0] == method


def test_a_redirect_is_an_answer_and_is_not_followed(application):
    def moved(request):
        request.send_response(302)
        request.send_header("Location", "/up")
        request.send_header("Content-Length", "0")
        request.end_headers()

    application.answers["/"] = moved
    reading = ask(application, "/")
    assert (reading.status, reading.saw) == (302, "302 to /up instead of 200: ")
    assert application.count("/up") == 0


def test_the_version_must_be_named(application):
    application.answers["/version"] = (200, '{"version": "v1.5.0"}')
    reading = ask(application, "/version", version=NAMED)
    assert not reading.ok
    assert reading.saw == '200, but names \'{"version": "v1.5.0"}\' instead of v1.4.2'


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("v1.4.2", True),
        ('{"version":"v1.4.2"}', True),
        ("running v1.4.2.", True),
        ("shop:v1.4.2\n", True),
        ("v1.4.20", False),
        ("v1.4.2.1", False),
        ("v1.4.2-rc1", False),
        ("rev1.4.2", False),
        ("x-v1.4.2", False),
        ("v1x4x2", False),
        ("", False),
    ],
)
def test_a_version_is_a_word(text, found):
    assert names(text, "v1.4.2") is found


def test_a_release_without_a_name_is_found_nowhere():
    assert not names("anything", "")


# -- servers that do not answer well --------------------------------------------------------------------------------


def test_nobody_listening_is_a_bad_reading(application):
    application.close()
    reading = ask(application)
    assert (reading.ok, reading.status, reading.failed_request) == (False, 0, True)
    assert "refused" in reading.saw


def test_a_name_that_nobody_knows_is_a_bad_reading():
    assert not Client(2).ask("http://nowhere.invalid", Route("/up", "/up")).ok


def hang(application):
    return lambda request: application.leaving.wait(10)


def headers_then_hang(application):
    def answer(request):
        request.send_response(200)
        request.send_header("Content-Length", "100")
        request.end_headers()
        request.wfile.flush()
        application.leaving.wait(10)

    return answer


def drip(application):
    """A byte at a time, each well within the timeout of one read."""

    def answer(request):
        request.send_response(200)
        request.send_header("Content-Length", "1000000")
        request.end_headers()
        while not application.leaving.wait(0.02):
            request.wfile.write(b".")

    return answer


def drip_headers(application):
    def answer(request):
        request.wfile.write(b"HTTP/1.0 200 OK\r\nX-Slow: ")
        while not application.leaving.wait(0.02):
            request.wfile.write(b".")

    return answer


def drip_without_length(application):
    def answer(request):
        request.send_response(200)
        request.end_headers()
        while not application.leaving.wait(0.02):
            request.wfile.write(b".")

    return answer


@pytest.mark.parametrize("behaviour", [hang, headers_then_hang, drip, drip_headers, drip_without_length])
def test_a_request_ends_within_its_timeout(application, behaviour):
    application.answers["/up"] = behaviour(application)
    started = time.monotonic()
    reading = ask(application, timeout=0.3)
    assert time.monotonic() - started < 5
    assert not reading.ok
    assert reading.saw.startswith("no answer within")


def cut_short(request):
    request.send_response(200)
    request.send_header("Content-Length", "100")
    request.end_headers()
    request.wfile.write(b"half")


def no_http(request):
    request.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n")


def broken_gzip(request):
    request.send_response(200)
    request.send_header("Content-Encoding", "gzip")
    request.send_header("Content-Length", "9")
    request.end_headers()
    request.wfile.write(b"not gzip!")


def broken_chunks(request):
    request.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n")


@pytest.mark.parametrize("behaviour", [cut_short, no_http, broken_gzip, broken_chunks])
def test_an_answer_that_is_no_proper_one_is_a_bad_reading(application, behaviour):
    application.answers["/up"] = behaviour
    reading = ask(application, timeout=2)
    assert not reading.ok
    assert reading.failed_request
    assert reading.saw.startswith("no answer")


def test_an_endless_answer_is_cut(application):
    def endless(request):
        request.send_response(200)
        request.end_headers()
        while not application.leaving.is_set():
            request.wfile.write(b"x" * 65_536)

    application.answers["/up"] = endless
    assert ask(application).ok


def test_a_packed_answer_is_unpacked(application):
    packed = gzip.compress(b"Welcome to the shop")

    def answer(request):
        request.send_response(200)
        request.send_header("Content-Encoding", "gzip")
        request.send_header("Content-Length", str(len(packed)))
        request.end_headers()
        request.wfile.write(packed)

    application.answers["/"] = answer
    assert ask(application, "/", contains="Welcome to the shop").ok


# -- text from outside ----------------------------------------------------------------------------------------------


def test_a_hostile_body_comes_out_printable(application):
    application.answers["/up"] = (500, "\x1b[2J\x00\u202e<script>alert(1)</script>" + "x" * 10_000)
    saw = ask(application).saw
    assert saw.isprintable()
    assert len(saw) < 200


def test_a_secret_in_a_body_is_masked(application):
    secret = Secret("probe-s3cret")
    application.answers["/up"] = (500, f"cannot log in with {secret.reveal()}")
    saw = ask(application).saw
    assert MASK in saw
    assert secret.reveal() not in saw


def test_no_cookie_and_no_proxy_of_the_environment_is_used(application, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:1")

    def cookie(request):
        request.send_response(200)
        request.send_header("Set-Cookie", "session=abc")
        request.send_header("Content-Length", "0")
        request.end_headers()

    application.answers["/up"] = cookie
    client = Client(2)
    assert client.ask(application.url, Route("/up", "/up")).ok
    assert client.ask(application.url, Route("/up", "/up")).ok
    assert "Cookie" not in application.asked[1][2]


# -- many at once ---------------------------------------------------------------------------------------------------


def test_all_answers_come_in_the_order_of_the_questions(application):
    def slow(request):
        time.sleep(0.1)
        request.send_response(200)
        request.send_header("Content-Length", "0")
        request.end_headers()

    application.answers["/slow"] = slow
    asked = [Route("slow", "/slow"), Route("up", "/up"), Route("nothing", "/nothing")]
    readings = Client(5).all([application.url], asked)
    assert [(reading.name, reading.ok) for reading in readings] == [("slow", True), ("up", True), ("nothing", False)]


def test_nothing_to_ask_is_no_reading():
    assert Client(5).all([], []) == []


def test_text_is_the_body_of_a_good_answer_only(application):
    assert Client(2).text(f"{application.url}/up") == "up"
    with pytest.raises(requests.RequestException, match="404"):
        Client(2).text(f"{application.url}/nothing")


# -- what is asked --------------------------------------------------------------------------------------------------


def test_up_ready_and_smoke_are_asked_and_the_version_when_it_is_known():
    checks = {"version": "/version", "smoke": [{"name": "home", "path": "/"}]}
    found = environment(checks=checks)
    assert [route.path for route in routes(found)] == ["/up", "/ready", "/"]
    assert routes(found, NAMED)[-1] == Route("/version", "/version", version=NAMED)


def test_every_replica_is_asked_besides_the_address_of_users():
    found = environment(replica_urls=["http://127.0.0.1:2"])
    assert places(found) == ["http://127.0.0.1:1", "http://127.0.0.1:2"]


@pytest.mark.parametrize(("status", "failed"), [(0, True), (200, False), (404, False), (500, True), (503, True)])
def test_a_failed_request_is_one_that_a_user_would_notice(status, failed):
    assert Reading("x", "y", False, "", 0.0, status).failed_request is failed


def test_the_body_limit_is_what_bounds_memory():
    assert http.BODY_LIMIT <= 10_000_000


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("database: no connection\n", "database: no connection"),
        ("<!doctype html><style>a{color:red}</style><h1>500</h1>Server &lt;Error&gt;", "500 Server <Error>"),
        ("<script>never closed", ""),
        ('{"error": "<b>"}', '{"error": "<b>"}'),
    ],
)
def test_of_a_page_its_words_are_shown(body: str, words: str) -> None:
    assert readable(body) == words

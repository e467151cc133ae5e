"""Real nodes that check tokens: over REST, over the Redis protocol, and by the commands."""

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import redis
from lastword.access.rights import Need
from lastword.access.throttle import FAILURES_MAX
from lastword.api.resp.permission import OPEN_FLAG
from lastword.api.resp.table import Table
from lastword.cli.main import app
from tests.access.calls import ADMIN, Bearer, Nodes
from tests.eventually import eventually
from tools.processes import LASTWORD, Process

pytestmark = pytest.mark.slow

Commands = Callable[..., tuple[int, str, str]]


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    with ExitStack() as stack:
        yield Nodes(tmp_path, stack)


@pytest.fixture
def run(nodes: Nodes, tmp_path: Path) -> Commands:
    """Run a command with an admin's token; return exit code, output and errors."""

    def run(*arguments: str, token: str = ADMIN) -> tuple[int, str, str]:
        path, errors = tmp_path / "own.token", tmp_path / "errors"
        path.write_text(token)
        errors.unlink(missing_ok=True)
        command = (LASTWORD, "--token-file", str(path), *arguments)
        with Process(*command, stderr=errors) as process:
            output = "\n".join(process.read_rest())
            return process.wait(), output, process.errors()

    nodes.first()
    return run


def created(run: Commands, nodes: Nodes, *grants: str) -> str:
    code, token, errors = run("token", "create", *grants, "-a", nodes.first().address)
    assert (code, len(token)) == (0, 80), errors
    return token


def test_every_call_wants_a_token_but_those_that_tell_nothing(nodes: Nodes) -> None:
    node = nodes.first()
    document = node.call("GET", "/_/openapi.json").json
    open_calls = []
    for path, item in document["paths"].items():
        where = path.replace("{set}", "s").replace("{element}", "e")
        where += "?after=none" if path == "/_/watch" else ""  # with a cursor it has no end
        for method in item.keys() - {"parameters", "options", "head"}:
            refused = node.call(method.upper(), where, b"x")
            if refused.status != 401:
                open_calls.append((method, path))
                continue
            assert refused.json["error"]["code"] == "unauthenticated"
            assert refused.headers["WWW-Authenticate"] == "Bearer"
            assert node.call(method.upper(), where, b"x", "wrong" * 9).status in {401, 429}
            assert node.call(method.upper(), where, b"x", ADMIN).status not in {401, 403, 429}
    page = [("get", "/_/"), ("get", "/_/page/{file}")]  # it asks for a token itself
    told_to_all = [("get", "/"), ("get", "/_/live"), ("get", "/_/openapi.json"), *page]
    assert sorted(open_calls) == sorted([*told_to_all, ("post", "/_/peer")])
    assert node.call("POST", "/_/peer", b"x").status == 403  # it proves nothing


def test_rest_lets_a_token_do_what_was_granted_and_no_more(nodes: Nodes, run: Commands) -> None:
    node = nodes.first()
    reads = created(run, nodes, "--read", "team-*")
    writes = created(run, nodes, "--write", "team-*", "--read", "log", "--note", "for a job")
    assert node.call("PUT", "/team-a/x", token=writes).status == 200
    assert node.call("PUT", "/log/x", token=ADMIN).status == 200
    for token, method, path, status in (
        (reads, "GET", "/team-a/x", 200),
        (reads, "GET", "/team-a", 200),
        (reads, "HEAD", "/team-a", 200),
        (reads, "PUT", "/team-a/y", 403),
        (reads, "GET", "/log", 403),
        (reads, "GET", "/_peers_", 403),
        (reads, "GET", "/_tokens_", 403),
        (reads, "GET", "/_/metrics", 403),
        (writes, "DELETE", "/team-a/x", 200),
        (writes, "GET", "/log/x", 200),
        (writes, "DELETE", "/log/x", 403),
        (writes, "PUT", "/_peers_/a:1", 403),
        (writes, "POST", "/_/backup", 403),
        (ADMIN, "GET", "/_tokens_", 200),
        (ADMIN, "GET", "/_/metrics", 200),
    ):
        assert node.call(method, path, token=token).status == status, (method, path)
    refused = node.call("DELETE", "/log/x", token=writes).json["error"]
    assert refused["code"] == "forbidden"
    assert "the right write for 'log'" in refused["message"]
    listed = [one["name"] for one in node.call("GET", "/_/sets", token=reads).json["sets"]]
    assert listed == ["team-a"]
    lines = (
        b'{"set":"team-a","add":["1"]}\n{"set":"log","add":["2"]}\n{"set":"team-a","add":["3"]}'
    )
    stopped = node.call("POST", "/_/bulk", lines, writes)
    assert (stopped.status, stopped.json["lines"]) == (403, 1)
    assert stopped.json["error"]["message"].startswith("line 2: ")
    held = node.call("GET", "/team-a?members", token=reads).json["members"]
    assert held == ["1"]
    assert node.call("PUT", "/_tokens_/no%20record", token=ADMIN).status == 400


def test_a_revoked_token_is_worth_nothing_on_any_node(nodes: Nodes, run: Commands) -> None:
    first, second = nodes.first(), nodes.another()
    token = created(run, nodes, "--write", "*")

    def records(side: str) -> dict[str, int]:
        state: dict[str, dict[str, int]] = second.call("GET", "/_tokens_", token=ADMIN).json or {}
        return state.get(side, {})

    eventually(lambda: bool(records("lwwAdded")), "it replicates")
    assert second.call("PUT", "/s/x", token=token).status == 200
    with second.redis(token) as client, second.redis(token) as queueing:
        assert client.sismember("s", "x") == 1
        queueing.execute_command("MULTI")
        queueing.execute_command("SADD", "s", "never")
        id_ = token.split("_")[1]
        code, output, _ = run("token", "revoke", id_, "-a", first.address)
        assert (code, output) == (0, f"token {id_} is revoked")
        assert first.call("PUT", "/s/y", token=token).status == 401
        eventually(lambda: bool(records("lwwRemoved")), "it replicates")
        assert second.call("GET", "/s", token=token).status == 401
        refusals = (redis.exceptions.AuthenticationError, redis.exceptions.ResponseError)
        with pytest.raises(refusals, match=r"username-password|too many wrong tokens"):
            client.sismember("s", "x")  # it tries again by itself, with the same token
        with pytest.raises(redis.exceptions.ExecAbortError):
            queueing.execute_command("EXEC")
    held = second.call("GET", "/s", token=ADMIN).json["lwwAdded"]
    assert held.keys() == {"x"}
    assert run("token", "revoke", id_, "-a", first.address)[0] == 1


def test_every_redis_command_wants_a_token_but_those_of_the_door(nodes: Nodes) -> None:
    node = nodes.first()
    table = Table(allow_flush=True)
    with node.resp() as talk:
        for command in table.commands:
            words = [command.name.upper(), *["1"] * (abs(command.arity) - 1)]
            if OPEN_FLAG in command.flags:
                continue
            if command.subcommands:
                words = [command.name.upper(), "HELP"]
            assert b"NOAUTH Authentication required." in talk(*words), words
        assert talk("HELLO", "3").startswith(b"-NOAUTH HELLO must be called")
        assert talk("AUTH", "wrong").startswith(b"-WRONGPASS")
        assert talk("AUTH", "somebody", ADMIN).startswith(b"-WRONGPASS")
        assert talk("AUTH", "default", ADMIN) == b"+OK\r\n"
        assert talk("SADD", "s", "x") == b":1\r\n"
        assert talk("AUTH", "wrong").startswith(b"-WRONGPASS")
        assert talk("SCARD", "s") == b":1\r\n"  # as in Redis, who it was before it still is
        assert talk("RESET") == b"+RESET\r\n"
        assert talk("SCARD", "s").startswith(b"-NOAUTH")
        assert talk("HELLO", "3", "AUTH", "default", ADMIN).startswith(b"%")
        assert talk("SCARD", "s") == b":1\r\n"


def test_redis_commands_do_what_was_granted_and_no_more(nodes: Nodes, run: Commands) -> None:
    node = nodes.first()
    token = created(run, nodes, "--write", "w*", "--read", "r*")
    with node.redis(ADMIN) as client:
        for name in ("w1", "r1", "x1"):
            client.sadd(name, "a", "b")
    with node.redis(token) as client:
        refused: list[tuple[Any, ...]] = [
            ("SADD", "r1", "x"), ("SMEMBERS", "x1"), ("SMOVE", "r1", "w1", "a"),
            ("SMOVE", "w1", "r1", "a"), ("SUNIONSTORE", "r2", "w1"), ("SUNION", "w1", "x1"),
            ("SUNIONSTORE", "w2", "x1"), ("DEL", "w1", "r1"), ("RENAME", "r1", "w9"),
            ("EXISTS", "x1"), ("SINTERCARD", "2", "r1", "x1"), ("WATCH", "x1"), ("SPOP", "r1"),
            ("FLUSHALL",), ("CLIENT", "LIST"), ("CLIENT", "KILL", "ID", "1"), ("INFO",),
            ("CONFIG", "GET", "*"), ("SISMEMBER", "x1", "a"), ("SSCAN", "x1", "0"),
        ]  # fmt: skip
        for words in refused:
            with pytest.raises(redis.exceptions.NoPermissionError):
                client.execute_command(*words)
        assert client.sunionstore("w2", "w1", "r1") == 2
        assert sorted(client.keys()) == [b"r1", b"w1", b"w2"]
        assert sorted(client.scan_iter()) == [b"r1", b"w1", b"w2"]
        assert client.dbsize() == 3
        assert {client.randomkey() for _ in range(50)} == {b"r1", b"w1", b"w2"}
        with client.pipeline() as transaction:
            transaction.keys().dbsize()
            names, count = transaction.execute()
        assert (sorted(names), count) == ([b"r1", b"w1", b"w2"], 3)
        with client.pipeline() as transaction:
            transaction.sadd("w1", "never").sadd("r1", "never")
            with pytest.raises(redis.exceptions.NoPermissionError):
                transaction.execute()
        assert client.sismember("w1", "never") == 0
    with node.redis(ADMIN) as client:
        assert client.smembers("x1") == {b"a", b"b"}
        assert client.dbsize() == 4


def test_wrong_tokens_are_throttled_and_counted(nodes: Nodes) -> None:
    node = nodes.first()
    assert node.call("GET", "/s", token=ADMIN).status == 404
    answers = [node.call("GET", "/s", token=f"{n:064}") for n in range(FAILURES_MAX + 3)]
    statuses = [answer.status for answer in answers]
    assert statuses == [401] * FAILURES_MAX + [429] * 3
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 6
    assert answers[-1].json["error"]["code"] == "too_many_failures"
    for header in ("X-Forwarded-For", "X-Real-IP", "Forwarded"):  # anybody can write those
        said = {header: "for=192.0.2.7" if header == "Forwarded" else "192.0.2.7"}
        assert node.call("GET", "/s", token="1" * 64, headers=said).status == 429
    assert node.call("GET", "/s", token=ADMIN).status == 404
    with node.resp() as talk:
        assert talk("AUTH", "wrong" * 9).startswith(b"-ERR too many wrong tokens")
        assert talk("SCARD", "s").startswith(b"-NOAUTH")
    assert node.call("GET", "/s").status == 401
    metrics = node.call("GET", "/_/metrics", token=ADMIN).body.decode()
    for reason, count in (("wrong", FAILURES_MAX), ("throttled", 7), ("missing", 2)):
        assert f'lastword_refused_tokens_total{{reason="{reason}"}} {count}.0' in metrics


def test_tokens_are_made_listed_and_shown_nowhere_else(nodes: Nodes, run: Commands) -> None:
    node = nodes.first()
    at = ("-a", node.address)
    token = created(run, nodes, "--write", "team-*", "--admin", "_peers_", "--note", "a job")
    id_, secret = token.split("_")[1:]
    node.call("PUT", "/_tokens_", json.dumps([]).encode(), ADMIN)
    code, output, _ = run("token", "list", "--json", *at)
    (listed,) = json.loads(output)["tokens"]
    assert (code, listed["id"], listed["note"]) == (0, id_, "a job")
    assert listed["grants"] == [["write", "team-*"], ["admin", "_peers_"]]
    code, output, _ = run("token", "list", *at)
    assert code == 0
    assert f"{id_} │ write team-*, admin _peers_" in output
    for code_wanted, arguments, token_shown in (
        (1, ("token", "list", *at), token),
        (2, ("token", "create", *at), ADMIN),
        (2, ("token", "create", "--read", "x" * 2_000, *at), ADMIN),
        (2, ("token", "list", *at), "short"),
        (1, ("token", "list", *at), "0" * 64),
    ):
        code, _, errors = run(*arguments, token=token_shown)
        assert code == code_wanted, (arguments, errors)
        assert errors.count("\n") == 1
        assert "Traceback" not in errors
    node.call("GET", f"/{token}/{token}?{token}", b"", ADMIN)
    with node.redis(token) as client:
        client.client_setname("c")
    shown = [node.log(), node.command_line()]
    paths = ("/", "/_/metrics", "/_/ready", "/_/openapi.json", "/_tokens_", "/_/clock")
    shown += [node.call("GET", path, token=ADMIN).body.decode() for path in paths]
    with node.redis(ADMIN) as client:
        shown += [str(client.info()), str(client.client_list()), str(client.config_get("*"))]
    assert all(ADMIN not in text and nodes.secret not in text for text in shown)
    # Whoever puts a token into a path has put it into the log.
    assert all(secret not in text for text in shown[1:])


def test_admin_tokens_are_read_anew(nodes: Nodes) -> None:
    node = nodes.first()
    nodes.admin_file.write_text("f" * 64)
    node.process.process.signal(signal.SIGHUP)
    eventually(lambda: "the file of admin tokens was read anew" in node.log(), "it says so")
    assert node.call("GET", "/s", token=ADMIN).status == 401
    assert node.call("GET", "/s", token="f" * 64).status == 404


def test_a_node_that_checks_no_tokens_shows_and_takes_none(nodes: Nodes) -> None:
    node = nodes.open()
    _, record = nodes.record([["admin", "*"]])
    body = json.dumps([json.dumps(record)]).encode()
    for method, given in (("GET", b""), ("PUT", body)):
        refused = node.call(method, "/_tokens_", given)
        assert (refused.status, refused.json["error"]["code"]) == (403, "forbidden")
    line = json.dumps({"set": "_tokens_", "add": [json.dumps(record)]}).encode()
    assert node.call("POST", "/_/bulk", line).status == 403
    assert node.call("GET", "/s", token="whatever it is").status == 404


def test_a_call_by_a_foreign_name_is_refused(nodes: Nodes) -> None:
    """By a page that was rebound it would also be read; messages that are proven are taken."""
    open_node, node = nodes.open("--allow-host", "own.example"), nodes.first()
    for host, status in (("evil.example", 421), ("own.example", 200), ("node1:3000", 200)):
        assert open_node.call("PUT", "/s/x", host=host).status == status
    refused = open_node.call("PUT", "/s/x", host="evil.example:80").json["error"]
    assert refused["code"] == "foreign_host"
    for method in ("GET", "HEAD", "OPTIONS"):
        for path in ("/s/x", "/s", "/", "/_/sets", "/_/metrics", "/_/openapi.json"):
            assert open_node.call(method, path, host="evil.example").status == 421, path
    assert open_node.call("GET", "http://evil.example/s/x").status == 421
    for host in ("own.example:9", "localhost", "[::1]:3000", "127.0.0.1"):
        assert open_node.call("GET", "/s/x", host=host).status == 200
    assert open_node.call("POST", "/_/peer", host="evil.example").status == 421
    assert node.call("GET", "/s", token=ADMIN, host="evil.example").status == 421
    assert node.call("POST", "/_/peer", host="evil.example").status == 403


def test_options_that_leave_a_door_open_are_refused(nodes: Nodes, tmp_path: Path) -> None:
    secret, admin = nodes.options[1], nodes.options[3]
    wide = ("--host", "0.0.0.0", "--advertise", "127.0.0.1:9")
    for options, message in (
        (wide, "Give it --cluster-secret-file and --admin-token-file"),
        ((*wide, "--cluster-secret-file", secret), "Give it --admin-token-file, listen"),
        (("--admin-token-file", admin), "but no --cluster-secret-file"),
        (("--allow-host", "a b"), "is not host:port"),
        (("--cluster-secret-file", secret, "--admin-token-file", "gone"), "cannot be read"),
        (("--cluster-secret-file", secret, "--admin-token-file", secret), "a line in common"),
    ):
        arguments = ("serve", "-p", "0", "-d", str(tmp_path / "never.db"), *options)
        with Process(LASTWORD, *arguments, stderr=tmp_path / "refusal") as process:
            assert process.read_rest() == []
            assert process.wait() == 2
            assert message in process.errors()
        (tmp_path / "refusal").unlink()
    with nodes.started(*wide, *nodes.options) as node:
        assert node.call("GET", "/s").status == 401


def test_no_option_takes_a_token_or_a_secret() -> None:
    """What stands in arguments stands in the list of processes."""
    names = {
        name
        for command in get_command(app).commands.values()  # type: ignore[attr-defined]
        for parameter in command.params
        for name in parameter.opts
    }
    assert not names & {"--token", "--secret", "--password", "--key"}
    assert {need.name for need in Need} >= {"READ", "WRITE", "ADMIN_NODE"}


def test_a_bearer_is_asked_for_by_its_scheme_only(nodes: Nodes) -> None:
    node: Bearer = nodes.first()
    for value, status in (
        (f"Bearer {ADMIN}", 404),
        (f"bEARER   {ADMIN}  ", 404),
        (f"Basic {ADMIN}", 401),
        (ADMIN, 401),
        ("Bearer", 401),
        ("Bearer ", 401),
    ):
        assert node.call("GET", "/s", headers={"Authorization": value}).status == status

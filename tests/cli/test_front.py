"""What a node answers before it is put together: that it lives, and that it is starting."""

import pytest

from lastword.api.http.messages import Request, Response
from lastword.cli.serve import _Front
from lastword.errors import Unavailable


def test_a_node_that_is_starting_lives_and_serves_nothing_yet() -> None:
    front = _Front()
    lives = front(Request("GET", b"/_/live", b"/_/live"))
    assert isinstance(lives, Response)
    assert (lives.status, lives.body) == (200, b'{"live":true}\n')
    for path in (b"/_/ready", b"/s/e"):
        with pytest.raises(Unavailable, match="starting"):
            front(Request("GET", path, path))

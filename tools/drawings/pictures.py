"""Every drawing by its name."""

from collections.abc import Callable
from typing import Final

from tools.drawings.canvas import Canvas
from tools.drawings.forgetting import afresh, collection, fence
from tools.drawings.spreading import convergence, digests, walk
from tools.drawings.writing import dots, stamps

PICTURES: Final[dict[str, Callable[[], Canvas]]] = {
    drawn.__name__: drawn
    for drawn in (convergence, stamps, dots, walk, digests, collection, fence, afresh)
}

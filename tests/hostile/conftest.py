from tests.live_node import node_process

__all__ = ["node_process"]

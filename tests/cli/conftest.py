from tests.live_node import node, node_process

__all__ = ["node", "node_process"]

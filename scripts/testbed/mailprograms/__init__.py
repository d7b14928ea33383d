"""Mail programs that set themselves up by what the node tells them, and send through it."""

"""The HTTP routes with their authentication, bodies, answers and problem documents."""

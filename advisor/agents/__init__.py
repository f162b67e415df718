"""`dladvisor mcp`: the advisor as tools for coding agents (extra `mcp`)."""

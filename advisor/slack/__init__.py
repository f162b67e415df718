"""`dladvisor slack`: the advisor in Slack (extra `slack`)."""

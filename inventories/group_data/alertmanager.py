"""Every Alertmanager of every inventory in this folder."""

alertmanager = {
    # Silences over a long weekend.
    "retention": "120h",
}

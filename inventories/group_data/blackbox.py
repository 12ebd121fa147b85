"""Every blackbox exporter of every inventory in this folder."""

blackbox = {
    "modules": {
        # For what asks for a login: it is there if it answers at all.
        "http_any": {
            "prober": "http",
            "timeout": "5s",
            "http": {
                "preferred_ip_protocol": "ip4",
                "valid_status_codes": [200, 301, 302, 401, 403],
            },
        },
    },
}

"""Dashboards as Python: ``python -m files.dashboards`` writes them as JSON into ``json/``.

``boards/`` holds a module for each dashboard, made of the panels in ``panels.py``. Only this folder
needs the SDK; a deploy reads the JSON.
"""

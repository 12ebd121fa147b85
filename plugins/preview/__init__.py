"""Dashboards as one HTML file: what a person without Grafana looks at.

:func:`plugins.preview.page.page` is pure: from values of :mod:`plugins.preview.report` to text.
:mod:`plugins.preview.live` reads them from a site, :mod:`plugins.preview.pictures` makes PNG.
"""

"""Show the dashboards of a site as one HTML file, from its live datasources; change nothing.

    pyinfra -y inventories/prod.py preview.py

--data preview=PATH   where it is written (default: build/preview/SITE.html)
--data hours=N        how far back it goes (default: 1)
--data dashboard=UID  only this dashboard
--data png=true       a picture of each dashboard beside it, made by Chromium
"""

from plugins.preview import stage

stage.preview()

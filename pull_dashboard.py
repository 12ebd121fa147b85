"""Take a dashboard that somebody made in Grafana into the site's files; a deploy provisions it.

pyinfra inventories/prod.py pull_dashboard.py --data dashboard=UID_OR_TITLE -y
"""

from plugins import stages

stages.pull_dashboard()

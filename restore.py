"""Put back what a backup has and the site lacks; a second time changes nothing.

    pyinfra inventories/prod.py restore.py --data from=backups/prod/2026-11-21T213355Z

--data overwrite=true  replace dashboards that differ from the backup, too
--dry (without -y)     tell what would be put back
"""

from plugins import stages

stages.restore()

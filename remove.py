"""Stop and remove one component; what it wrote stays unless its folder is named.

pyinfra inventories/prod.py remove.py --limit web1 --data component=node_exporter
... --data purge=/var/lib/stackwatch/node_exporter
"""

from plugins import stages

stages.remove()

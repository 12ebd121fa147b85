"""Tell what on the hosts is not as the inventory says; exit 3 if something is. Change nothing.

pyinfra inventories/prod.py drift.py -y
"""

from plugins import stages

stages.drift()

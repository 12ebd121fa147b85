"""Run every check of a site; change nothing.

pyinfra inventories/prod.py smoke.py -y
"""

from plugins import stages

stages.smoke()

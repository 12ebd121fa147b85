"""Ask the datasources of a site what the panels of its dashboards ask; change nothing.

    pyinfra -y inventories/prod.py dashboard_check.py

--data dashboard=UID          look at one of them
--data junit=FILE report=FILE write the panels as JUnit XML, the run as JSON
"""

from plugins import stages

stages.check_dashboards()

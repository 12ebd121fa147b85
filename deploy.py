"""Make the site of an inventory true, and prove it.

    pyinfra inventories/prod.py deploy.py

--data prove=quick|deep|off   which checks follow (default: quick, and deep after a change)
--data junit=FILE report=FILE write the checks as JUnit XML, the run as JSON
"""

from plugins import stages

stages.prepare()
stages.converge()
stages.prove()

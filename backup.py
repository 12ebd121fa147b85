"""Save what people made by hand: dashboards, folders, annotations, silences. Change nothing.

    pyinfra inventories/prod.py backup.py -y

--data backup_dir=FOLDER  where to (default: backups/); each backup is a folder with its date
--data keep=N             remove older backups of this site, but for the N newest whole ones
"""

from plugins import stages

stages.backup()

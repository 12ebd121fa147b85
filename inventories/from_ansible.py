"""An Ansible inventory as it is, read by ansible-core itself; see docs/ansible.md.

    pyinfra -y inventories/from_ansible.py deploy.py --data ansible_inventory=PATH

PATH is what `ansible -i` takes: an INI or YAML file, or a folder. It may stand in
STACKWATCH_ANSIBLE_INVENTORY instead.
"""

from pathlib import Path

from plugins.ansible_inventory import pyinfra_groups

# Its group_vars and host_vars win over what group_data/ says here; vault passwords are found as
# ansible finds them.
globals().update(pyinfra_groups(Path(__file__)))

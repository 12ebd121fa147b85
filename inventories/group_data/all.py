"""Every host of every inventory in this folder; the demo is one of them."""

# pyinfra's default trusts a host that it sees for the first time.
ssh_strict_host_key_checking = "yes"

# Every host has it without being in a group of its name, so its settings stand here.
node_exporter = {
    "collectors_off": ["infiniband", "nfs", "nfsd"],  # rare hardware; put back what you have
}

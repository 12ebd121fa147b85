"""pyinfra reads this file first: compile the inventory before the first connection."""

from plugins.session import begin_before_connecting

begin_before_connecting()

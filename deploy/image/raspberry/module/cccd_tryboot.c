// SPDX-License-Identifier: GPL-2.0-only
/*
 * Has the Raspberry Pi's firmware start the other system once: `reboot "0 tryboot"`.
 *
 * Raspberry Pi's own kernel hands that word on to the firmware, Debian's does not: the flag would be lost, and every update with it. The
 * firmware keeps the flag over one restart and clears it before it starts anything, so that whatever happens next, the start after that is
 * of the system that autoboot.txt names.
 */
#include <linux/module.h>
#include <linux/of.h>
#include <linux/reboot.h>
#include <linux/string.h>
#include <soc/bcm2835/raspberrypi-firmware.h>

/* Not in the header of Debian's kernel. */
#define SET_REBOOT_FLAGS 0x00038064
#define TRYBOOT 1

static int tell_firmware(struct notifier_block *block, unsigned long action, void *words)
{
	struct device_node *node;
	struct rpi_firmware *firmware;
	u32 flags = TRYBOOT;
	int failed = -ENODEV;

	if (action != SYS_RESTART || !words || !strstr(words, " tryboot"))
		return NOTIFY_DONE;
	node = of_find_compatible_node(NULL, NULL, "raspberrypi,bcm2835-firmware");
	firmware = node ? rpi_firmware_get(node) : NULL;
	of_node_put(node);
	if (firmware) {
		failed = rpi_firmware_property(firmware, SET_REBOOT_FLAGS, &flags, sizeof(flags));
		rpi_firmware_put(firmware);
	}
	/* Without the flag the same system starts again: the updater finds that out. */
	if (failed)
		pr_emerg("cccd_tryboot: the firmware is not told (%d)\n", failed);
	return NOTIFY_DONE;
}

static struct notifier_block notifier = { .notifier_call = tell_firmware };

static int __init begin(void)
{
	return register_reboot_notifier(&notifier);
}

static void __exit end(void)
{
	unregister_reboot_notifier(&notifier);
}

module_init(begin);
module_exit(end);
MODULE_DESCRIPTION("tryboot of the Raspberry Pi's firmware, for kernels that do not know it");
MODULE_LICENSE("GPL");

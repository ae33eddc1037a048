# METADATA
# title: Start-up hook written
# description: >-
#   A program wrote a file that others run when they start: of the init system,
#   of login shells, of PAM, udev or Python. What it names comes back at every start.
# custom:
#   severity: medium
#   group: persist
#   attack_version: "18"
#   attack:
#     - {id: T1037, name: Boot or Logon Initialization Scripts, tactic: Persistence}
#     - {id: T1543.002, name: Systemd Service, tactic: Persistence}
#     - {id: T1546.004, name: Unix Shell Configuration Modification, tactic: Persistence}
#     - {id: T1556.003, name: Pluggable Authentication Modules, tactic: Credential Access}
#   remediation: >-
#     Put such files into the image at build time. A container's entrypoint needs
#     none of them.
package sallyport.behaviours.weaponization["init-persistence"]

import data.sallyport.lib

place := concat("", [
	`^(/host[^/]*|/mnt(/[^/]+)?|/rootfs)?(`,
	`/etc/(rc\.local$|rc[0-9S]?\.d/|init\.d/|inittab$|init/|profile$|profile\.d/|bash\.bashrc$|bashrc$|zsh/|zshrc$|environment$|pam\.d/|udev/rules\.d/|xdg/autostart/|update-motd\.d/|systemd/(system|user)/)`,
	`|(/usr)?/lib/(systemd/system|udev/rules\.d)/`,
	`|(/root|/home/[^/]+)/\.(bashrc|bash_profile|bash_login|bash_logout|profile|zshrc|zprofile|config/systemd/user/.*|config/autostart/.*)$`,
	`|.*/(site|dist)-packages/[^/]+\.pth$)`,
])

finding contains {
	"message": sprintf("%s %s %s%s", [lib.base(p.exe), t.how, t.path, lib.because(reasons)]),
	"malicious": lib.harmful(reasons),
	"severity": severity(reasons),
	"confidence": 88,
	"lineage": p.lineage_id,
	"evidence": [object.union(lib.touched_evidence(t), {"data": lib.text(t.path)})],
} if {
	some t in lib.touched
	regex.match(place, t.path)
	p := lib.process(t.event)
	not lib.packaged(p.id)
	reasons := hooks(lib.text(t.path))
}

hooks(text) := (lib.payload(commands(text)) | {"loads what is hidden in its text" |
	contains(text, "import ")
	regex.match(`import [^\n]*(exec|eval|__import__)\s*\(`, text)
	regex.match(`base64|zlib|urlopen|requests\.|subprocess|socket`, text)
}) | {"is a module of PAM from an odd place" |
	regex.match(`(?m)^\s*(auth|account|session|password)\s+\S+\s+(/tmp|/var/tmp|/dev/shm|.*pam_exec\.so.*/(tmp|dev/shm)/)`, text)
}

commands(text) := concat("\n", [line |
	some line in lib.lines(text)
	not startswith(line, "#")
])

severity(reasons) := "critical" if lib.harmful(reasons)

else := "high" if count(reasons) > 0

else := "medium"

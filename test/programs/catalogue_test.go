package programs

import (
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// program is one image: Debian's packages, the files in testdata/<name>, and
// what a Dockerfile would say besides.
type program struct {
	name     string
	packages []string
	setup    string // run once these are in place, as RUN does
	config   v1.Config
	answers  map[uint16]string // what our probe must have got from a port
	says     []string          // what must be in its output
	timeout  time.Duration     // of the run, when it would not end by itself
	runs     []string          // programs that must have run, by the end of their path
}

const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

func ports(list ...string) map[string]struct{} {
	m := map[string]struct{}{}
	for _, p := range list {
		m[p] = struct{}{}
	}
	return m
}

// catalogue lists the programs, those that take longest first.
func catalogue() []program {
	return []program{
		{
			name:     "rabbitmq",
			packages: []string{"rabbitmq-server", "gosu"},
			setup:    "chown -R rabbitmq: /etc/rabbitmq && rm -rf /var/lib/rabbitmq/mnesia /var/lib/rabbitmq/.erlang.cookie",
			config: v1.Config{
				Entrypoint: []string{"docker-entrypoint.sh"}, Cmd: []string{"rabbitmq-server"}, Env: []string{path, "RABBITMQ_LOGS=-", "HOME=/var/lib/rabbitmq", "LANG=C.UTF-8"},
				ExposedPorts: ports("4369/tcp", "5672/tcp", "15692/tcp", "25672/tcp"), Volumes: ports("/var/lib/rabbitmq"),
			},
			answers: map[uint16]string{5672: "AMQP", 15672: "HTTP/1.1 200"},
			timeout: 3 * time.Minute, // it looks at the disk every few seconds
			runs:    []string{"/beam.smp", "/epmd"},
		},
		{
			name:     "mariadb",
			packages: []string{"mariadb-server", "gosu", "tzdata"},
			setup:    "rm -rf /var/lib/mysql && mkdir -p /var/lib/mysql /run/mysqld && chown mysql: /var/lib/mysql /run/mysqld",
			config: v1.Config{
				Entrypoint: []string{"docker-entrypoint.sh"}, Cmd: []string{"mariadbd"}, ExposedPorts: ports("3306/tcp"), Volumes: ports("/var/lib/mysql"),
				Env: []string{path, "MARIADB_DATABASE=shop", "MARIADB_USER=shop", "MARIADB_PASSWORD=changeme"},
			},
			answers: map[uint16]string{3306: "MariaDB"},
			says:    []string{"init process done", "ready for connections"},
		},
		{
			name:     "postgresql",
			packages: []string{"postgresql", "gosu", "tini"},
			setup:    "rm -rf /var/lib/postgresql/* /etc/postgresql && mkdir /docker-entrypoint-initdb.d -p",
			config: v1.Config{
				Entrypoint: []string{"docker-entrypoint.sh"}, Cmd: []string{"postgres"}, ExposedPorts: ports("5432/tcp"), Volumes: ports("/var/lib/postgresql/data"),
				Env: []string{path, "PGDATA=/var/lib/postgresql/data", "POSTGRES_PASSWORD=changeme", "POSTGRES_DB=shop", "LANG=C.UTF-8"},
			},
			// The server closes the connection on a greeting that is none, and says so.
			answers: map[uint16]string{5432: ""},
			says:    []string{"init process complete", "ready to accept connections", "startup packet"},
		},
		{
			name:     "tomcat",
			packages: []string{"tomcat10", "default-jre-headless"},
			setup:    "java -version",
			config: v1.Config{
				Entrypoint: []string{"docker-entrypoint.sh"}, Cmd: []string{"catalina.sh", "run"}, ExposedPorts: ports("8080/tcp"), WorkingDir: "/usr/share/tomcat10",
				Env: []string{path, "CATALINA_HOME=/usr/share/tomcat10", "CATALINA_BASE=/var/lib/tomcat10", "CATALINA_TMPDIR=/tmp/tomcat"},
			},
			answers: map[uint16]string{8080: "HTTP/1.1 200"},
			runs:    []string{"/bin/java"},
		},
		{
			name:     "build",
			packages: []string{"gcc", "libc6-dev", "make"},
			config:   v1.Config{Entrypoint: []string{"/usr/local/bin/ci"}, Env: []string{path}},
			answers:  map[uint16]string{8080: "compiled here"},
			runs:     []string{"/cc1", "/opt/server/bin/server"},
		},
		{
			name:     "varnish", // which compiles its configuration
			packages: []string{"varnish", "gcc", "libc6-dev"},
			config: v1.Config{
				Entrypoint: []string{"docker-varnish-entrypoint"}, ExposedPorts: ports("80/tcp"), WorkingDir: "/etc/varnish", Env: []string{path},
			},
			answers: map[uint16]string{80: "cached here"},
			timeout: time.Minute, // it asks its backend every five seconds
			runs:    []string{"/cc1"},
		},
		{
			name:     "nodejs",
			packages: []string{"nodejs"},
			setup:    "groupadd --gid 1000 node && useradd --uid 1000 --gid node --shell /bin/bash --create-home node",
			config: v1.Config{
				Entrypoint: []string{"docker-entrypoint.sh"}, Cmd: []string{"server.js"}, User: "node", WorkingDir: "/srv/app", ExposedPorts: ports("3000/tcp"),
				Env: []string{path, "NODE_ENV=production"},
			},
			answers: map[uint16]string{3000: `"sum":499500`},
		},
		{
			name:     "apache-php",
			packages: []string{"apache2", "libapache2-mod-php"},
			setup: "a2enmod rewrite expires && a2dismod -f status && rm -rf /var/www/html && mkdir /var/www/html && " +
				"ln -sfT /dev/stderr /var/log/apache2/error.log && ln -sfT /dev/stdout /var/log/apache2/access.log",
			config: v1.Config{
				Entrypoint: []string{"docker-entrypoint.sh"}, Cmd: []string{"apache2-foreground"}, WorkingDir: "/var/www/html", ExposedPorts: ports("80/tcp"), Volumes: ports("/var/www/html"),
				Env: []string{path, "APACHE_CONFDIR=/etc/apache2", "APPLICATION_DB_HOST=db.example.internal"},
			},
			answers: map[uint16]string{80: "php "},
		},
		{
			name:     "python",
			packages: []string{"python3-flask", "gunicorn", "tini"},
			setup:    "useradd --system --home-dir /app app && mkdir /app/var && chown app /app/var && python3 -m compileall -q /app",
			config: v1.Config{
				Entrypoint: []string{"tini", "--", "docker-entrypoint.sh"}, Cmd: []string{"gunicorn", "--bind", "0.0.0.0:8000", "--workers", "2", "--access-logfile", "-", "app:app"},
				User: "app", WorkingDir: "/app", ExposedPorts: ports("8000/tcp"), Env: []string{path, "PYTHONUNBUFFERED=1"},
			},
			answers: map[uint16]string{8000: `"visits":`},
		},
		{
			name:     "apt-at-start",
			packages: []string{"busybox", "cron"},
			// The package with a set-uid program and maintainer scripts lies in the image, as where there is no network.
			setup: "mkdir -p /opt/packages && cd /opt/packages && apt-get download -o APT::Sandbox::User=root sudo",
			config: v1.Config{
				Entrypoint: []string{"/entrypoint.sh"}, Env: []string{path, "DEBIAN_FRONTEND=noninteractive", "EXTRA_PACKAGES=jq"}, ExposedPorts: ports("8080/tcp"),
			},
			answers: map[uint16]string{8080: "HTTP/1.1 200"},
			says:    []string{"uid=65534(nobody)"},
			runs:    []string{"/usr/bin/dpkg", "/usr/bin/sudo"},
		},
		{
			name:     "supervisor",
			packages: []string{"supervisor", "cron", "python3"},
			setup:    "useradd --create-home app",
			config: v1.Config{
				Entrypoint: []string{"/entrypoint.sh"}, ExposedPorts: ports("8080/tcp"), Env: []string{path, "REPORT_SCHEDULE=* * * * *", "REPORT_TITLE=daily report"},
			},
			answers: map[uint16]string{8080: "HTTP/1.0 200", 9001: "HTTP/1."},
			runs:    []string{"/usr/sbin/cron"},
		},
		{
			name:     "postfix",
			packages: []string{"postfix", "libsasl2-modules"},
			config: v1.Config{
				Entrypoint: []string{"/entrypoint.sh"}, ExposedPorts: ports("25/tcp"),
				Env: []string{path, "RELAYHOST=[smtp.example.com]:587", "RELAYHOST_USERNAME=relay", "RELAYHOST_PASSWORD=changeme"},
			},
			answers: map[uint16]string{25: "220 "},
			runs:    []string{"/postfix/sbin/master", "/postfix/sbin/smtpd"},
		},
		{
			name:     "sshd",
			packages: []string{"openssh-server", "sudo"},
			setup:    "rm -f /etc/ssh/ssh_host_*",
			config: v1.Config{
				Entrypoint: []string{"/init.sh"}, ExposedPorts: ports("2222/tcp"), Volumes: ports("/config"),
				Env: []string{path, "PUID=1000", "PGID=1000", "USER_NAME=ops", "SUDO_ACCESS=true",
					"PUBLIC_KEY=ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFLnIJXcu7BRCsXKdfmZ1yJr0eC0V1cGpQqm5Rk5nV2z ops@example.com"},
			},
			answers: map[uint16]string{2222: "SSH-2.0-OpenSSH"},
			runs:    []string{"/usr/sbin/sshd", "/usr/bin/ssh-keygen"},
		},
		{
			name:     "nginx",
			packages: []string{"nginx", "gettext-base"},
			setup: "rm -f /etc/nginx/sites-enabled/default && md5sum /etc/nginx/conf.d/default.conf | cut -d' ' -f1 >/etc/nginx/conf.d/default.conf.sum && " +
				"ln -sf /dev/stdout /var/log/nginx/access.log && ln -sf /dev/stderr /var/log/nginx/error.log",
			config: v1.Config{
				Entrypoint: []string{"/docker-entrypoint.sh"}, Cmd: []string{"nginx", "-g", "daemon off;"}, ExposedPorts: ports("80/tcp"),
				Env: []string{path, "NGINX_HOST=www.example.com", "STATUS_PORT=8081"}, StopSignal: "SIGQUIT",
			},
			answers: map[uint16]string{80: "Welcome to nginx", 8081: "host www.example.com"},
			says:    []string{"ready for start up"},
		},
		{
			name:     "transmission",
			packages: []string{"transmission-daemon"},
			config: v1.Config{
				Entrypoint: []string{"/entrypoint.sh"}, ExposedPorts: ports("9091/tcp", "51413/tcp", "51413/udp"), Volumes: ports("/config", "/downloads"),
				Env: []string{path, "PUID=1000", "PGID=1000", "USER=reader", "PASS=changeme"},
			},
			answers: map[uint16]string{9091: "Server: Transmission"},
			timeout: time.Minute, // it looks for other peers
		},
		{
			name:     "haproxy",
			packages: []string{"haproxy"},
			setup:    "mkdir -p /var/lib/haproxy && chown haproxy: /var/lib/haproxy",
			config: v1.Config{
				Entrypoint: []string{"docker-entrypoint.sh"}, Cmd: []string{"haproxy", "-f", "/usr/local/etc/haproxy/haproxy.cfg"}, User: "haproxy", WorkingDir: "/var/lib/haproxy",
				Env: []string{path}, StopSignal: "SIGUSR1",
			},
			answers: map[uint16]string{8080: "haproxy"},
			timeout: time.Minute, // it asks its backends every two seconds
		},
		{
			name:     "redis",
			packages: []string{"redis-server"},
			setup:    "mkdir -p /data && chown redis: /data",
			config: v1.Config{
				Entrypoint: []string{"docker-entrypoint.sh"}, Cmd: []string{"redis-server", "--protected-mode", "no"}, WorkingDir: "/data", ExposedPorts: ports("6379/tcp"), Volumes: ports("/data"),
				Env: []string{path},
			},
			// It takes a browser for an attack, and closes the connection.
			answers: map[uint16]string{6379: ""},
			says:    []string{"Ready to accept connections", "Possible SECURITY ATTACK"},
		},
		{
			name:     "memcached",
			packages: []string{"memcached"},
			config: v1.Config{
				Entrypoint: []string{"docker-entrypoint.sh"}, Cmd: []string{"memcached", "-m", "64"}, User: "memcache", ExposedPorts: ports("11211/tcp"), Env: []string{path},
			},
			answers: map[uint16]string{11211: "ERROR"},
		},
		{
			name:     "node-exporter",
			packages: []string{"prometheus-node-exporter"},
			config: v1.Config{
				Entrypoint: []string{"/usr/bin/prometheus-node-exporter"}, Cmd: []string{"--path.rootfs=/", "--collector.processes"}, User: "nobody", ExposedPorts: ports("9100/tcp"), Env: []string{path},
			},
			answers: map[uint16]string{9100: "HTTP/1.1 200"},
		},
	}
}

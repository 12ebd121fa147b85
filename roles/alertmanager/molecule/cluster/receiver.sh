#!/bin/sh
# A webhook receiver on port 9598, of nothing but systemd and a shell: the body of every request is
# a line of /var/lib/receiver/requests.
set -eu

mkdir -p /var/lib/receiver
: >/var/lib/receiver/requests

cat >/usr/local/sbin/receive <<'END'
#!/bin/sh
set -eu
length=0
while IFS= read -r line; do
  line=$(printf %s "$line" | tr -d '\r')
  case $line in
    [Cc]ontent-[Ll]ength:*) length=${line##*: } ;;
    '') break ;;
  esac
done
body=$(head -c "$length")
# One line in one write: what arrives at the same time does not mix.
printf '%s\n' "$body" >>/var/lib/receiver/requests
printf 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'
END
chmod 755 /usr/local/sbin/receive

cat >/etc/systemd/system/receiver.socket <<'END'
[Socket]
ListenStream=9598
Accept=yes

[Install]
WantedBy=sockets.target
END

cat >/etc/systemd/system/receiver@.service <<'END'
[Service]
ExecStart=/usr/local/sbin/receive
StandardInput=socket
StandardOutput=socket
StandardError=journal
END

systemctl daemon-reload
systemctl enable --quiet --now receiver.socket

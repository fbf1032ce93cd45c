namespace Sentinel.Service.Cli;

/// <summary>What <c>--help</c> shows of each command in use.</summary>
internal static class Examples
{
    public static string[] Of(string command) => command switch
    {
        "sentinel" =>
        [
            "sentinel demo                         # two VMs, one of which you may kill; needs nothing",
            "sentinel check --config my.json       # is this configuration right?",
            "sentinel run --config my.json         # the daemon, in the foreground",
            "sentinel status --watch               # what it sees, live",
        ],
        "run" =>
        [
            "sentinel run",
            "sentinel run --config my.json",
            "SENTINEL_telemetry__logs=text sentinel run --config my.json",
        ],
        "demo" =>
        [
            "sentinel demo",
            "sentinel demo --preempt-every 20s --for 2m   # by itself, for two minutes",
        ],
        "check" =>
        [
            "sentinel check",
            "sentinel check --probe                       # and do the backends answer as the file says?",
            "sentinel check --config my.json && sudo systemctl reload sentinel",
        ],
        "schema" =>
        [
            "sentinel schema > sentinel.schema.json       # then \"$schema\": \"./sentinel.schema.json\" in the file",
        ],
        "transparent-rules" =>
        [
            "sentinel transparent-rules                   # to read",
            "sentinel transparent-rules | sudo sh         # to apply",
        ],
        "status" =>
        [
            "sentinel status",
            "sentinel status --watch",
            "sentinel status --json | jq -r '.backends[] | \"\\(.name) \\(.state)\"'",
        ],
        "outages" =>
        [
            "sentinel outages",
            "sentinel outages 20261122T101500Z-spot-1     # one outage's timeline",
        ],
        "certificates" =>
        [
            "sentinel certificates",
            "sudo sentinel certificates renew www.example.com",
            "sudo sentinel certificates revoke www.example.com --reason keyCompromise",
            "sudo sentinel certificates roll-key          # the accounts at authorities get new keys",
        ],
        "place" =>
        [
            "sudo sentinel place alice --auto             # where the load is lowest",
            "sudo sentinel place alice --backend spot-2   # there, or moved there",
            "sudo sentinel place alice --remove           # forgotten; nothing is done on the VM",
        ],
        "users" =>
        [
            "sudo sentinel users",
            "sudo sentinel users --json | jq -r '.placements[] | \"\\(.user) \\(.backend)\"'",
        ],
        "routes" =>
        [
            "sentinel routes                              # to read",
            "sentinel routes | sudo sh                    # to apply, where the daemon may not",
        ],
        "sshd-config" => ["sentinel sshd-config > /run/sentinel-sshd/sshd_config   # as the unit does"],
        "ssh-config" =>
        [
            "sudo sentinel ssh-config alice               # to jump, to be appended to her ~/.ssh/config",
            "sudo sentinel ssh-config alice --login       # to log in at the sentinel and be sent on",
        ],
        "ssh-key" =>
        [
            "sudo sentinel ssh-key show",
            "sudo sentinel ssh-key rotate                 # from now on there are two",
            "sudo sentinel ssh-key finish                 # from now on there is the new one alone",
            "sudo sentinel ssh-key forget spot-1          # its disk was made anew: believe what it shows next",
        ],
        "recover" => ["sudo sentinel recover spot-1"],
        "drain" => ["sudo sentinel drain spot-1                   # before maintenance"],
        "resume" => ["sudo sentinel resume spot-1                  # after it"],
        "release" => ["sudo sentinel release spot-1"],
        "simulate" =>
        [
            "sentinel simulate --days 30 --vms 12 --zones 3",
            "sentinel simulate --days 30 --config my.json --trace preemptions.csv --json",
        ],
        "drill" => ["sudo sentinel drill spot-1 --within 3m       # stops it for real"],
        _ => [],
    };
}

using System.Net;
using Sentinel.Forwarding.Listeners;
using Sentinel.Service.Configuration.Text;

namespace Sentinel.Service.Configuration.Checks;

/// <summary>
/// Every address that is listened on. Two collide if one socket would get the other's connections: the same port, and the
/// same address or one that means every address of its family. An IPv6 socket takes IPv6 alone, so [::]:80 and 0.0.0.0:80
/// live side by side.
/// </summary>
internal sealed class AddressBook
{
    private readonly List<(BindAddress Address, SourceNode? Node, string Path)> _all = [];

    /// <summary>Enters an address of the file.</summary>
    public void Add(BindAddress address, SourceNode node) => _all.Add((address, node, node.Path));

    /// <summary>Enters an address that is listened on because nothing else was said. What the file says collides with it, not it with the file.</summary>
    public void AddDefault(BindAddress address, string path) => _all.Insert(0, (address, null, path));

    /// <summary>Reports each address that one before it has.</summary>
    public void Check(Reading reading)
    {
        foreach (var group in _all.GroupBy(entry => entry.Address.EndPoint?.Port ?? 0))
        {
            var before = new List<(BindAddress Address, SourceNode? Node, string Path)>();
            foreach (var entry in group)
            {
                var other = before.FirstOrDefault(other => Collide(entry.Address, other.Address));
                if (other.Path is not null && entry.Node is { } node)
                {
                    var where = other.Node switch { null => "by default", { Place.Variable: { } variable } => variable, _ => $"line {other.Node.Place.Line}" };
                    var clash = entry.Address == other.Address ? $"is taken by {other.Path} ({where})" : $"overlaps {other.Address} of {other.Path} ({where})";
                    reading.Fail(node, $"{node.Describe()}, which {clash}", "an address that nothing else listens on");
                }

                before.Add(entry);
            }
        }
    }

    private static bool Collide(BindAddress a, BindAddress b) => (a.EndPoint, b.EndPoint) switch
    {
        (null, null) => a.SocketName == b.SocketName,
        ({ } one, { } two) => one.Port == two.Port && one.AddressFamily == two.AddressFamily
            && (one.Address.Equals(two.Address) || IsAny(one) || IsAny(two)),
        _ => false,
    };

    private static bool IsAny(IPEndPoint endPoint) => endPoint.Address.Equals(IPAddress.Any) || endPoint.Address.Equals(IPAddress.IPv6Any);
}

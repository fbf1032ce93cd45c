using System.Globalization;
using System.Net;
using Sentinel.Backends;
using Sentinel.Backends.Files;

namespace Sentinel.Jump.Files;

/// <summary>
/// Empty files that the route looks for when a session ends, to say to its user what OpenSSH has no words for. A hint that
/// cannot be written is none: nothing else depends on it.
/// </summary>
internal sealed class RouteMarks(JumpPlaces places)
{
    private const string Refused = "refused-";
    private const string Changed = "changed-";

    /// <summary>What a connection wanted to forward was refused.</summary>
    public void Refuse(IPEndPoint peer) => Set(NameOf(peer));

    /// <summary>That connection is gone.</summary>
    public void Forget(IPEndPoint peer) => DurableFile.TryDelete(PathOf(NameOf(peer)));

    /// <summary>So are all.</summary>
    public void ForgetConnections()
    {
        foreach (var file in Directory.Exists(places.Marks) ? Directory.GetFiles(places.Marks, Refused + "*") : [])
        {
            DurableFile.TryDelete(file);
        }
    }

    /// <summary>Says whether a backend shows another host key than the one that is known.</summary>
    public void SetChanged(BackendId backend, bool isChanged)
    {
        if (isChanged)
        {
            Set(Changed + backend.Name);
        }
        else
        {
            DurableFile.TryDelete(PathOf(Changed + backend.Name));
        }
    }

    /// <summary>As the route makes it of SSH_CONNECTION (ssh(1), ENVIRONMENT).</summary>
    private static string NameOf(IPEndPoint peer) => string.Create(CultureInfo.InvariantCulture, $"{Refused}{peer.Address}_{peer.Port}");

    private string PathOf(string name) => Path.Combine(places.Marks, name);

    private void Set(string name)
    {
        try
        {
            PublicFiles.CreateDirectory(places.Marks);
            DurableFile.WriteForAll(PathOf(name), []);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The user is refused all the same, without being told why.
        }
    }
}

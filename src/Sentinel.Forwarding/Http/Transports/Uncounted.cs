namespace Sentinel.Forwarding.Http.Transports;

/// <summary>For what was counted elsewhere: tells only if reading fails.</summary>
internal sealed class Uncounted(IByteCount elsewhere) : IByteCount
{
    public void FromClient(long bytes)
    {
    }

    public void ToClient(long bytes)
    {
    }

    public void ClientBroke() => elsewhere.ClientBroke();
}

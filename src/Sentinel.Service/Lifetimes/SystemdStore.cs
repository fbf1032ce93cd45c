using System.IO.Pipes;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Sentinel.Forwarding.HandOver;

namespace Sentinel.Service.Lifetimes;

/// <summary>
/// Keeps descriptors in systemd's file-descriptor store: it passes them to the next process of the unit, and drops them
/// once the unit has stopped for good (sd_notify(3); FileDescriptorStoreMax= in systemd.service(5)).
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class SystemdStore(SystemdLink systemd, TimeProvider time) : IDescriptorStore
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    // FDPOLL=0: systemd would drop a socket whose other side has hung up, and that is for us to find.
    public bool Keep(string name, SafeHandle descriptor) => systemd.Send($"FDSTORE=1\nFDNAME={name}\nFDPOLL=0", descriptor);

    public void Forget(string name) => systemd.Send($"FDSTOREREMOVE=1\nFDNAME={name}");

    public async Task<bool> SettleAsync()
    {
        // sd_notify_barrier(3): systemd closes the pipe when it comes to this message.
        using var pipe = new AnonymousPipeServerStream(PipeDirection.In);
        systemd.Send("BARRIER=1", pipe.ClientSafePipeHandle);
        pipe.DisposeLocalCopyOfClientHandle();
        using var patience = new CancellationTokenSource(Patience, time);
        try
        {
            return await pipe.ReadAsync(new byte[1], patience.Token).ConfigureAwait(false) == 0;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}

namespace Sentinel.Recovery.Clouds.Gce;

/// <summary>One watcher of a VM, wherever the VM is. Thread-safe.</summary>
/// <param name="watch">Watches the VM in a zone, until disposed.</param>
internal sealed class GceResidence(Func<string, IDisposable> watch, Action<GceResidence> ended) : IDisposable
{
    private readonly Lock _lock = new();
    private IDisposable? _subscription;
    private string? _zone;
    private bool _isDisposed;

    /// <summary>Watches it there from now on.</summary>
    public void MoveTo(string zone)
    {
        lock (_lock)
        {
            if (!_isDisposed && zone != _zone)
            {
                _subscription?.Dispose();
                (_zone, _subscription) = (zone, watch(zone));
            }
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
            _subscription?.Dispose();
            _subscription = null;
        }

        ended(this);
    }
}

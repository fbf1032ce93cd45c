namespace Sentinel.Certificates.Sync;

/// <summary>One place that certificates are fetched from. One task at a time works on it; others read.</summary>
internal sealed class SyncPlace(SyncSettings settings)
{
    private volatile string? _lastError;

    public SyncSettings Settings => settings;

    /// <summary>For people.</summary>
    public string Name => settings.Backend is { } backend ? $"backend:{backend}" : $"directory:{settings.Directory}";

    public DateTimeOffset DueAt { get; set; }

    public DateTimeOffset? LastSuccess { get; set; }

    /// <summary>In a row.</summary>
    public int Failures { get; set; }

    /// <summary>Whether its VM was healthy at the last look.</summary>
    public bool WasUp { get; set; }

    public Task Work { get; set; } = Task.CompletedTask;

    public string? LastError
    {
        get => _lastError;
        set => _lastError = value;
    }

    public SyncStatus Status => new(Name, LastSuccess, LastError);
}

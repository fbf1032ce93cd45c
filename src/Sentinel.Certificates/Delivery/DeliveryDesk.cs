using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Backends.Commands;
using Sentinel.Backends.Files;
using Sentinel.Backends.Progress;

namespace Sentinel.Certificates.Delivery;

/// <summary>Gives each certificate to whom the configuration says, by a command: again until it succeeds, at once when a VM is back, and once for each certificate.</summary>
internal sealed class DeliveryDesk(CertificateBook book, string directory, PoolTable pools, LoopRegistry loops, TimeProvider time, ILogger logger) : IAsyncDisposable
{
    private static readonly TimeSpan Round = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestPause = TimeSpan.FromHours(1);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    // Commands may take minutes each, and run one after the other.
    private static readonly TimeSpan Silence = TimeSpan.FromMinutes(5);

    private readonly string _folder = Path.Combine(directory, "delivery");
    private readonly CancellationTokenSource _stopping = new();
    private readonly Dictionary<string, (int Failures, DateTimeOffset NextTry)> _failing = [];
    private volatile IReadOnlyCollection<DeliverySettings> _settings = [];
    private Dictionary<string, string>? _delivered;
    private HashSet<BackendId> _wereUp = [];
    private Task _loop = Task.CompletedTask;

    private string RecordPath => Path.Combine(_folder, "delivered.json");

    public void Configure(IReadOnlyCollection<DeliverySettings> settings) => _settings = settings;

    public void Start() => _loop = KeepAsync();

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        _stopping.Dispose();
    }

    private async Task KeepAsync()
    {
        using var progress = loops.Add("certificates.delivery", Silence);
        using var timer = new PeriodicTimer(Round, time);
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                do
                {
                    await LookAsync(progress).ConfigureAwait(false);
                }
                while (await timer.WaitForNextTickAsync(_stopping.Token).ConfigureAwait(false));
            }
            catch (Exception e) when (!_stopping.IsCancellationRequested)
            {
                Log.DeliveryRoundFailed(logger, e);
                await Task.Delay(FirstPause, time, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (Exception)
            {
                // The daemon stops.
                return;
            }
        }
    }

    private async Task LookAsync(LoopProgress progress)
    {
        progress.Beat();
        var backends = pools.Current.Backends;
        var up = backends.Values.Where(backend => backend.Status.Healthy).Select(backend => backend.Id).ToHashSet();
        var back = up.Except(_wereUp).ToHashSet();
        _wereUp = up;
        foreach (var delivery in _settings)
        {
            string? address = null;
            if (delivery.Backend is { } id && (!up.Contains(id) || (address = backends[id].Address) is null))
            {
                // A VM that is away refuses nothing.
                continue;
            }

            var command = delivery.Command.Select(word => word.Replace("{address}", address, StringComparison.Ordinal)).ToArray();
            var receiver = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\0', command))))[..16];
            if (delivery.Backend is { } own ? back.Contains(own) : back.Count > 0)
            {
                Forgive(receiver);
            }

            await DeliverAsync(delivery.Names, command, receiver, progress).ConfigureAwait(false);
        }
    }

    /// <summary>A delivery may have failed because the VM that it is for was away: when that is back, it does not wait on.</summary>
    private void Forgive(string receiver)
    {
        foreach (var key in _failing.Keys.Where(key => key.StartsWith(receiver, StringComparison.Ordinal)).ToArray())
        {
            _failing.Remove(key);
        }
    }

    private async Task DeliverAsync(EquatableList<string> names, string[] command, string receiver, LoopProgress progress)
    {
        foreach (var certificate in book.All.Where(held => held.IsValid(time.GetUtcNow()) && held.Names.Intersect(names).Any()).OrderBy(held => held.NotAfter))
        {
            var key = $"{receiver} {certificate.Slot}";
            _delivered ??= Read();
            var isWaiting = _failing.TryGetValue(key, out var failing) && failing.NextTry > time.GetUtcNow();
            if (!isWaiting && _delivered.GetValueOrDefault(key) != certificate.Fingerprint)
            {
                progress.Beat();
                await DeliverAsync(command, certificate, key, failing.Failures).ConfigureAwait(false);
            }
        }
    }

    private async Task DeliverAsync(string[] command, HeldCertificate certificate, string key, int failures)
    {
        var (chainFile, keyFile) = (Path.Combine(_folder, certificate.Names.FileName + ".crt"), Path.Combine(_folder, certificate.Names.FileName + ".key"));
        await DiskThread.RunAsync(() =>
        {
            DurableFile.CreateDirectory(_folder);
            DurableFile.Write(chainFile, Encoding.ASCII.GetBytes(certificate.ChainPem));
            DurableFile.Write(keyFile, Encoding.ASCII.GetBytes(certificate.KeyPem));
        }).ConfigureAwait(false);
        string[] words = [.. command.Select(word =>
            word.Replace("{certificate}", chainFile, StringComparison.Ordinal).Replace("{key}", keyFile, StringComparison.Ordinal))];
        if (await Command.RunAsync(words, Patience, time, _stopping.Token).ConfigureAwait(false) is { } why)
        {
            var pause = FirstPause * Math.Pow(2, Math.Min(failures, 12));
            var next = time.GetUtcNow() + (pause < LongestPause ? pause : LongestPause);
            _failing[key] = (failures + 1, next);
            Log.DeliveryFailed(logger, certificate.Names.ToString(), words[0], why, next);
            return;
        }

        _failing.Remove(key);
        _delivered![key] = certificate.Fingerprint;
        var record = JsonSerializer.SerializeToUtf8Bytes(_delivered, DeliveryJson.Default.DictionaryStringString);
        await DiskThread.RunAsync(() => DurableFile.Write(RecordPath, record)).ConfigureAwait(false);
        Log.Delivered(logger, certificate.Names.ToString(), words[0]);
    }

    /// <summary>What cannot be read is delivered again: the command does the same however often it is run.</summary>
    private Dictionary<string, string> Read()
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(RecordPath), DeliveryJson.Default.DictionaryStringString) ?? [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            return [];
        }
    }
}

[JsonSerializable(typeof(Dictionary<string, string>))]
internal sealed partial class DeliveryJson : JsonSerializerContext;

using System.Buffers.Text;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.Logging;

namespace Sentinel.Certificates.Acme;

/// <summary>What can be asked of one authority (RFC 8555, RFC 9773). Thread-safe. Every call may throw <see cref="AcmeException"/> and <see cref="HttpRequestException"/>.</summary>
internal sealed class AcmeClient : IDisposable
{
    // Without a word from the authority: quick at first, since test authorities are, and bounded.
    private static readonly TimeSpan FirstPoll = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan SlowestPoll = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(1);

    /// <summary>Each is a request, and one that was lost is among the last.</summary>
    private const int MostListed = 20;

    private readonly AcmeTransport _transport;
    private readonly AcmeAccount _account;
    private readonly TimeProvider _time;

    public AcmeClient(Uri directory, string? caFile, string? email, ExternalAccount? external, string accounts, TimeProvider time, ILogger logger)
    {
        _transport = new(directory, caFile, time);
        _account = new(_transport, accounts, email, external, logger);
        _time = time;
    }

    public Uri Directory => _transport.Directory;

    /// <summary>How far the authority's clock is ahead of ours.</summary>
    public TimeSpan ClockAhead => _transport.ClockAhead;

    public Task<DirectoryDocument> ReadDirectoryAsync(CancellationToken cancellationToken) => _transport.ReadDirectoryAsync(cancellationToken);

    /// <summary>See <see cref="AcmeAccount.IsKept"/>.</summary>
    public bool HasAccount => _account.IsKept;

    /// <summary>See <see cref="AcmeAccount.KeyAsync"/>.</summary>
    public Task<AccountKey> KeyAsync(CancellationToken cancellationToken) => _account.KeyAsync(cancellationToken);

    /// <summary>See <see cref="AcmeAccount.RollKeyAsync"/>.</summary>
    public Task RollKeyAsync(CancellationToken cancellationToken) => _account.RollKeyAsync(cancellationToken);

    /// <summary>Places an order (§7.4).</summary>
    /// <returns>Where it is.</returns>
    public async Task<Uri> OrderAsync(EquatableNames names, string? profile, string? replaces, CancellationToken cancellationToken)
    {
        var directory = await ReadDirectoryAsync(cancellationToken).ConfigureAwait(false);
        var request = new OrderRequest([.. names.Select(name => new Identifier("dns", name))], profile, replaces);
        var reply = await AskAsync(directory.NewOrder, request, AcmeJson.Default.OrderRequest, cancellationToken).ConfigureAwait(false);
        return reply.Location ?? throw new AcmeException($"{directory.NewOrder} does not say where the order is");
    }

    /// <summary>Finds an order of the account's for exactly these names that can still become a certificate (§7.1.2.1).</summary>
    /// <returns>Null if there is none, or the authority lists none.</returns>
    public async Task<Uri?> FindOrderAsync(EquatableNames names, CancellationToken cancellationToken)
    {
        if ((await _account.DescribeAsync(cancellationToken).ConfigureAwait(false)).Orders is not { } list)
        {
            return null;
        }

        foreach (var order in (await ReadAsync(list, AcmeJson.Default.OrdersDocument, cancellationToken).ConfigureAwait(false)).Orders.TakeLast(MostListed))
        {
            var document = await ReadOrderAsync(order, cancellationToken).ConfigureAwait(false);
            if (document.Status is "pending" or "ready" && names.Equals(new(document.Identifiers.Select(identifier => identifier.Value))))
            {
                return order;
            }
        }

        return null;
    }

    public Task<OrderDocument> ReadOrderAsync(Uri order, CancellationToken cancellationToken) => ReadAsync(order, AcmeJson.Default.OrderDocument, cancellationToken);

    public Task<AuthorizationDocument> ReadAuthorizationAsync(Uri authorization, CancellationToken cancellationToken) =>
        ReadAsync(authorization, AcmeJson.Default.AuthorizationDocument, cancellationToken);

    /// <summary>Says that a challenge is answered and may be looked at (§7.5.1).</summary>
    public Task AnswerAsync(Uri challenge, CancellationToken cancellationToken) => _account.PostAsync(challenge, "{}"u8.ToArray(), cancellationToken);

    /// <summary>Waits until an authorization is decided upon.</summary>
    public Task<AuthorizationDocument> DecideAsync(Uri authorization, CancellationToken cancellationToken) =>
        PollAsync(authorization, AcmeJson.Default.AuthorizationDocument, document => document.Status is not ("pending" or "processing"), cancellationToken);

    /// <summary>Waits until an order is past a status.</summary>
    public Task<OrderDocument> AwaitAsync(Uri order, string status, CancellationToken cancellationToken) =>
        PollAsync(order, AcmeJson.Default.OrderDocument, document => document.Status != status && document.Status != "processing", cancellationToken);

    /// <summary>Hands in the certificate request (§7.4).</summary>
    public Task FinalizeAsync(Uri finalize, byte[] csr, CancellationToken cancellationToken) =>
        AskAsync(finalize, new FinalizeRequest(Base64Url.EncodeToString(csr)), AcmeJson.Default.FinalizeRequest, cancellationToken);

    /// <summary>Fetches a certificate with the chain that ends at an issuer, where the authority has it; else with the one it gives first (§7.4.2).</summary>
    public async Task<string> DownloadAsync(Uri certificate, string? preferredChain, CancellationToken cancellationToken)
    {
        var first = await _account.PostAsync(certificate, default, cancellationToken).ConfigureAwait(false);
        if (preferredChain is null || EndsAt(first.Text, preferredChain))
        {
            return first.Text;
        }

        foreach (var other in first.Alternates)
        {
            var chain = (await _account.PostAsync(other, default, cancellationToken).ConfigureAwait(false)).Text;
            if (EndsAt(chain, preferredChain))
            {
                return chain;
            }
        }

        return first.Text;
    }

    /// <summary>Revokes a certificate of this account (§7.6).</summary>
    /// <param name="reason">RFC 5280 §5.3.1.</param>
    public async Task RevokeAsync(X509Certificate2 certificate, int reason, CancellationToken cancellationToken)
    {
        var url = (await ReadDirectoryAsync(cancellationToken).ConfigureAwait(false)).RevokeCert ?? throw new AcmeException("the authority cannot revoke");
        await AskAsync(url, new RevokeRequest(Base64Url.EncodeToString(certificate.RawData), reason), AcmeJson.Default.RevokeRequest, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>When the authority would like a certificate to be renewed (RFC 9773 §4).</summary>
    /// <returns>Null if it does not say.</returns>
    public async Task<RenewalAdvice?> AdviseAsync(X509Certificate2 certificate, CancellationToken cancellationToken)
    {
        var directory = await ReadDirectoryAsync(cancellationToken).ConfigureAwait(false);
        if (directory.RenewalInfo is not { } url || CertificateId.Of(certificate) is not { } id)
        {
            return null;
        }

        var (document, retryAfter) = await _transport.GetAsync(new Uri($"{url.AbsoluteUri.TrimEnd('/')}/{id}"), AcmeJson.Default.RenewalInfoDocument, cancellationToken).ConfigureAwait(false);
        return document.SuggestedWindow is { } window && window.End > window.Start ? new(window, retryAfter) : null;
    }

    public void Dispose()
    {
        _account.Dispose();
        _transport.Dispose();
    }

    private static bool EndsAt(string chain, string issuer)
    {
        var certificates = new X509Certificate2Collection();
        certificates.ImportFromPem(chain);
        return certificates.Count > 0 && certificates[^1].GetNameInfo(X509NameType.SimpleName, forIssuer: true) == issuer;
    }

    private async Task<AcmeReply> AskAsync<T>(Uri url, T request, JsonTypeInfo<T> type, CancellationToken cancellationToken) =>
        await _account.PostAsync(url, JsonSerializer.SerializeToUtf8Bytes(request, type), cancellationToken).ConfigureAwait(false);

    private async Task<T> ReadAsync<T>(Uri url, JsonTypeInfo<T> type, CancellationToken cancellationToken) =>
        (await _account.PostAsync(url, default, cancellationToken).ConfigureAwait(false)).Read(type);

    private async Task<T> PollAsync<T>(Uri url, JsonTypeInfo<T> type, Func<T, bool> isDone, CancellationToken cancellationToken)
    {
        for (var pause = FirstPoll; ; pause = Min(pause * 2, SlowestPoll))
        {
            var reply = await _account.PostAsync(url, default, cancellationToken).ConfigureAwait(false);
            var document = reply.Read(type);
            if (isDone(document))
            {
                return document;
            }

            var asked = reply.RetryAfter is { } wished && wished > pause ? wished : pause;
            await Task.Delay(Min(asked, LongestWait), _time, cancellationToken).ConfigureAwait(false);
        }
    }

    private static TimeSpan Min(TimeSpan one, TimeSpan other) => one < other ? one : other;
}

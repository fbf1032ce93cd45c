using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace Sentinel.Certificates.Acme;

/// <summary>Our account at one authority: made when it is first needed, and made again when the authority forgot it. Thread-safe.</summary>
internal sealed class AcmeAccount(AcmeTransport transport, string folder, string? email, ExternalAccount? external, ILogger logger) : IDisposable
{
    private readonly SemaphoreSlim _turn = new(1, 1);
    private AccountKey? _key;
    private string? _url;

    /// <summary>Whether it is known which of two keys is in force.</summary>
    private bool _isSettled;

    private string NextFolder => Path.Combine(folder, "next");

    /// <summary>Whether there was an account when something was last kept.</summary>
    public bool IsKept => AccountRecord.Read(folder, transport.Directory)?.Url is not null;

    /// <summary>Sends a request as this account.</summary>
    /// <param name="payload">Empty to ask only.</param>
    /// <exception cref="AcmeException">Refused.</exception>
    /// <exception cref="HttpRequestException">The authority cannot be reached.</exception>
    public async Task<AcmeReply> PostAsync(Uri url, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken)
    {
        var (key, account) = await OpenAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await transport.PostAsync(url, key, account, payload, cancellationToken).ConfigureAwait(false);
        }
        catch (AcmeException e) when (e.Problem.Is("accountDoesNotExist") || e.Problem.Is("unauthorized"))
        {
            // A test authority that was started anew knows nobody; a deactivated key is of no more use (RFC 8555 §7.3.6).
            var isForgotten = e.Problem.Is("accountDoesNotExist");
            if (!isForgotten && !await IsClosedAsync(key, account, cancellationToken).ConfigureAwait(false))
            {
                throw;
            }

            await ForgetAsync(account, withKey: !isForgotten, cancellationToken).ConfigureAwait(false);
            (key, account) = await OpenAsync(cancellationToken).ConfigureAwait(false);
            return await transport.PostAsync(url, key, account, payload, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>What the answer to a challenge is made of.</summary>
    public async Task<AccountKey> KeyAsync(CancellationToken cancellationToken) => (await OpenAsync(cancellationToken).ConfigureAwait(false)).Key;

    /// <summary>What the authority knows of the account.</summary>
    /// <exception cref="AcmeException">Refused.</exception>
    /// <exception cref="HttpRequestException">The authority cannot be reached.</exception>
    public async Task<AccountDocument> DescribeAsync(CancellationToken cancellationToken)
    {
        var (_, account) = await OpenAsync(cancellationToken).ConfigureAwait(false);
        return (await PostAsync(new(account), default, cancellationToken).ConfigureAwait(false)).Read(AcmeJson.Default.AccountDocument);
    }

    /// <summary>Gives the account a new key (RFC 8555 §7.3.5). Not while an order is under way: what proves a name is made of the key.</summary>
    /// <exception cref="AcmeException">Refused; the old one goes on.</exception>
    /// <exception cref="HttpRequestException">The authority did not answer; which one is in force is found out before either is used again.</exception>
    public async Task RollKeyAsync(CancellationToken cancellationToken)
    {
        var (old, account) = await OpenAsync(cancellationToken).ConfigureAwait(false);
        var change = (await transport.ReadDirectoryAsync(cancellationToken).ConfigureAwait(false)).KeyChange
            ?? throw new AcmeException("the authority cannot change keys of accounts");
        var next = AccountKey.Create();
        using var jwk = JsonDocument.Parse(old.Jwk);
        var inner = Jws.Sign(next, account: null, change, nonce: null, JsonSerializer.SerializeToUtf8Bytes(new(account, jwk.RootElement), AcmeJson.Default.KeyChangeRequest));
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            // Kept beside the old one before the authority knows: whichever a crash leaves in force is there.
            await new AccountRecord(transport.Directory, next.Pem, account).WriteAsync(NextFolder).ConfigureAwait(false);
            _isSettled = false;
            await transport.PostAsync(change, old, account, inner, cancellationToken).ConfigureAwait(false);
            await PutInForceAsync(next, account).ConfigureAwait(false);
        }
        catch (AcmeException e) when (!e.IsPassing)
        {
            await AccountRecord.ForgetAsync(NextFolder, transport.Directory).ConfigureAwait(false);
            _isSettled = true;
            throw;
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose()
    {
        _turn.Dispose();
        _key?.Dispose();
    }

    private async Task<(AccountKey Key, string Url)> OpenAsync(CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_key is null && AccountRecord.Read(folder, transport.Directory) is { } kept)
            {
                (_key, _url) = (AccountKey.Import(kept.Key), kept.Url);
            }

            if (_key is null)
            {
                var made = AccountKey.Create();
                await new AccountRecord(transport.Directory, made.Pem, null).WriteAsync(folder).ConfigureAwait(false);
                _key = made;
            }

            if (!_isSettled)
            {
                await SettleAsync(cancellationToken).ConfigureAwait(false);
            }

            if (_url is null)
            {
                _url = await RegisterAsync(_key, cancellationToken).ConfigureAwait(false);
                await new AccountRecord(transport.Directory, _key.Pem, _url).WriteAsync(folder).ConfigureAwait(false);
                Log.Registered(logger, transport.Directory, _url);
            }

            return (_key, _url);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new AcmeException($"the account's file in {folder} holds no key that can be used; move it away to make a new account", e);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>After a change of keys whose end nobody heard, the authority says which one is in force.</summary>
    private async Task SettleAsync(CancellationToken cancellationToken)
    {
        if (AccountRecord.Read(NextFolder, transport.Directory) is { Url: { } account } kept)
        {
            var next = AccountKey.Import(kept.Key);
            var newAccount = (await transport.ReadDirectoryAsync(cancellationToken).ConfigureAwait(false)).NewAccount;
            var payload = JsonSerializer.SerializeToUtf8Bytes(new() { OnlyReturnExisting = true }, AcmeJson.Default.AccountDocument);
            try
            {
                await transport.PostAsync(newAccount, next, account: null, payload, cancellationToken).ConfigureAwait(false);
                await PutInForceAsync(next, account).ConfigureAwait(false);
            }
            catch (AcmeException e) when (!e.IsPassing)
            {
                // "accountDoesNotExist", or whatever this authority says of a key that it does not know.
                await AccountRecord.ForgetAsync(NextFolder, transport.Directory).ConfigureAwait(false);
            }
        }

        _isSettled = true;
    }

    private async Task PutInForceAsync(AccountKey next, string account)
    {
        await new AccountRecord(transport.Directory, next.Pem, account).WriteAsync(folder).ConfigureAwait(false);
        await AccountRecord.ForgetAsync(NextFolder, transport.Directory).ConfigureAwait(false);
        (_key, _url, _isSettled) = (next, account, true);
    }

    /// <summary>Asked with a key that the authority knows, this finds the account of that key (RFC 8555 §7.3.1).</summary>
    private async Task<string> RegisterAsync(AccountKey key, CancellationToken cancellationToken)
    {
        var directory = await transport.ReadDirectoryAsync(cancellationToken).ConfigureAwait(false);
        if (directory.Meta.ExternalAccountRequired && external is null)
        {
            throw new AcmeException($"{transport.Directory} takes accounts only with external account binding; set certificates.acme.eab");
        }

        var account = new AccountDocument
        {
            TermsOfServiceAgreed = true,
            Contact = email is null ? null : [$"mailto:{email}"],
            ExternalAccountBinding = external is null ? null : Bind(external, directory.NewAccount, key),
        };
        var reply = await transport.PostAsync(
            directory.NewAccount, key, account: null, JsonSerializer.SerializeToUtf8Bytes(account, AcmeJson.Default.AccountDocument), cancellationToken).ConfigureAwait(false);
        return reply.Location?.AbsoluteUri ?? throw new AcmeException($"{directory.NewAccount} does not say where the account is");
    }

    private static JsonElement Bind(ExternalAccount external, Uri newAccount, AccountKey key)
    {
        byte[] secret = [];
        try
        {
            secret = Base64Url.DecodeFromChars(File.ReadAllText(external.HmacKeyFile).Trim().Replace('+', '-').Replace('/', '_'));
            using var binding = JsonDocument.Parse(Jws.SignBinding(external.KeyId, secret, newAccount, key));
            return binding.RootElement.Clone();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            throw new AcmeException($"{external.HmacKeyFile} cannot be read as a key in base64url", e);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    private async Task<bool> IsClosedAsync(AccountKey key, string account, CancellationToken cancellationToken)
    {
        try
        {
            var reply = await transport.PostAsync(new(account), key, account, default, cancellationToken).ConfigureAwait(false);
            return reply.Read(AcmeJson.Default.AccountDocument).Status is "deactivated" or "revoked";
        }
        catch (AcmeException e)
        {
            return e.Problem.Is("unauthorized") || e.Problem.Is("accountDoesNotExist");
        }
    }

    private async Task ForgetAsync(string account, bool withKey, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_url == account)
            {
                Log.AccountGone(logger, transport.Directory, account);
                var key = withKey ? AccountKey.Create() : _key!;
                await new AccountRecord(transport.Directory, key.Pem, null).WriteAsync(folder).ConfigureAwait(false);
                (_key, _url) = (key, null);
            }
        }
        finally
        {
            _turn.Release();
        }
    }
}

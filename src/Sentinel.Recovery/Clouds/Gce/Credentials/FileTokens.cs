using System.Text.Json;
using Google.Apis.Auth.OAuth2;

namespace Sentinel.Recovery.Clouds.Gce.Credentials;

/// <summary>
/// Tokens by a JSON file: a service account's key, or application default credentials of a person. Read when first needed
/// and again after a refusal, so that a key may be replaced while the daemon runs.
/// </summary>
internal sealed class FileTokens(string file) : IGceTokens
{
    private const string Scope = "https://www.googleapis.com/auth/compute";

    private GoogleCredential? _credential;

    public async Task<string?> GetAsync(CancellationToken cancellationToken)
    {
        try
        {
            var credential = Volatile.Read(ref _credential);
            if (credential is null)
            {
                var json = await File.ReadAllTextAsync(file, cancellationToken).ConfigureAwait(false);
                Volatile.Write(ref _credential, credential = CredentialFactory.FromJson(json, TypeOf(json)).CreateScoped(Scope));
            }

            return await ((ITokenAccess)credential).GetAccessTokenForRequestAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            // Of a file that holds a secret nothing is repeated; what the token endpoint says holds none.
            Volatile.Write(ref _credential, null);
            throw new GceCredentialException($"no token by {file}: {(e is JsonException or InvalidOperationException or FormatException ? "it is no key of a service account and no application default credentials" : e.Message)}", e);
        }
    }

    public void Forget(string token) => Volatile.Write(ref _credential, null);

    /// <summary>Only what cannot make this daemon fetch or run something else: other kinds of credentials name programs and addresses.</summary>
    private static string TypeOf(string json)
    {
        using var document = JsonDocument.Parse(json);
        var type = document.RootElement.TryGetProperty("type", out var given) ? given.GetString() : null;
        return type is "service_account" or "authorized_user" ? type : throw new FormatException();
    }
}

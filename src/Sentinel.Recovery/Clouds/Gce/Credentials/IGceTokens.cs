namespace Sentinel.Recovery.Clouds.Gce.Credentials;

/// <summary>Bearer tokens for the API. Thread-safe.</summary>
internal interface IGceTokens
{
    /// <summary>A token that is good for a while; null: none is needed.</summary>
    /// <exception cref="GceCredentialException">There is none to be had.</exception>
    Task<string?> GetAsync(CancellationToken cancellationToken);

    /// <summary>The API refused this token: get another.</summary>
    void Forget(string token);
}

/// <summary>No token is to be had; the message is for people.</summary>
internal sealed class GceCredentialException(string message, Exception? cause = null) : Exception(message, cause);

/// <summary>For an endpoint that asks for none.</summary>
internal sealed class NoTokens : IGceTokens
{
    public Task<string?> GetAsync(CancellationToken cancellationToken) => Task.FromResult<string?>(null);

    public void Forget(string token)
    {
    }
}
